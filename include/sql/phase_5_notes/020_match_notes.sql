-- purpose: give each FileMaker note its Nexus id: the one of an earlier run, else by adopting a row of the same
--          patient and text (found in phase 2), else a new one.
-- parameters: none. Result: rows adopted and taken out to be inserted again. May run again.
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT 'note', staged.filemaker_id, known.nexus_id, 'filemaker_id'
FROM nexus_staging.note AS staged
JOIN nexus_import.identity AS known ON known.entity = 'note' AND known.filemaker_id = staged.filemaker_id
JOIN nexus_work.before_notes AS former ON former.id = known.nexus_id;

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT 'note', adopted.filemaker_id, adopted.nexus_id, 'patient_and_text'
FROM nexus_work.adoption_candidate AS adopted
WHERE adopted.entity = 'note';

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id) 'note', staged.filemaker_id, staged.nexus_id, 'new'
FROM nexus_staging.note AS staged
WHERE staged.filemaker_id IS NOT NULL
ON CONFLICT DO NOTHING;

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id) 'letter', staged.filemaker_id, staged.nexus_id, 'new'
FROM nexus_staging.letter AS staged
WHERE staged.filemaker_id IS NOT NULL;

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id) 'reminder', staged.filemaker_id, staged.nexus_id, 'new'
FROM nexus_staging.reminder AS staged
WHERE staged.filemaker_id IS NOT NULL;

DELETE FROM nexus_work.notes AS note
USING nexus_work.identity AS identity
WHERE identity.entity = 'note' AND identity.nexus_id = note.id;
