-- purpose: give each FileMaker note its Nexus id: the one of an earlier run, else by adopting a row of the same
--          patient and text (the n-th equal record adopts the n-th equal row), else a new one.
-- parameters: none. Result: rows adopted and taken out to be inserted again. May run again.
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT 'note', staged.filemaker_id, known.nexus_id, 'filemaker_id'
FROM nexus_staging.note AS staged
JOIN nexus_import.identity AS known ON known.entity = 'note' AND known.filemaker_id = staged.filemaker_id
JOIN nexus_work.before_notes AS former ON former.id = known.nexus_id;

WITH staged_without_row AS (
    SELECT
        staged.filemaker_id,
        patient.nexus_id AS patient_id,
        md5(btrim(regexp_replace(staged.content, E'\r\n?', E'\n', 'g'), E' \t\n')) AS text_digest,
        row_number() OVER (
            PARTITION BY patient.nexus_id, md5(btrim(regexp_replace(staged.content, E'\r\n?', E'\n', 'g'), E' \t\n')) ORDER BY staged.filemaker_id
        ) AS nth
    FROM (SELECT DISTINCT ON (filemaker_id) * FROM nexus_staging.note ORDER BY filemaker_id, record_id) AS staged
    JOIN nexus_work.identity AS patient
        ON patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
    WHERE staged.filemaker_id IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM nexus_work.identity AS taken
          WHERE taken.entity = 'note' AND taken.filemaker_id = staged.filemaker_id
      )
),
row_without_record AS (
    SELECT
        note.id,
        note.patient_id,
        md5(btrim(regexp_replace(note.content, E'\r\n?', E'\n', 'g'), E' \t\n')) AS text_digest,
        row_number() OVER (
            PARTITION BY note.patient_id, md5(btrim(regexp_replace(note.content, E'\r\n?', E'\n', 'g'), E' \t\n')) ORDER BY note.created_at, note.id
        ) AS nth
    FROM nexus_work.notes AS note
)
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT 'note', staged_without_row.filemaker_id, row_without_record.id, 'patient_and_text'
FROM staged_without_row
JOIN row_without_record USING (patient_id, text_digest, nth);

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
