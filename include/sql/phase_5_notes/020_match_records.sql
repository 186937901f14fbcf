-- purpose: give each record of one entity its Nexus id: the one of an earlier run, else by adopting an equal row (found
--          in phase 2), else a new one. Rows that were matched are taken out, to be inserted again.
-- parameters: entity, staging, before, work, known (query of the rows known to be FileMaker's).
-- Result: rows taken out. May run again.
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id) {entity}, staged.filemaker_id, known.nexus_id, 'filemaker_id'
FROM {staging} AS staged
JOIN ({known}) AS known ON known.filemaker_id = staged.filemaker_id
JOIN {before} AS former ON former.id = known.nexus_id
ORDER BY staged.filemaker_id, known.nexus_id;

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT {entity}, adopted.filemaker_id, adopted.nexus_id, 'adopted'
FROM nexus_work.adoption_candidate AS adopted
WHERE adopted.entity = {entity};

INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id) {entity}, staged.filemaker_id, staged.nexus_id, 'new'
FROM {staging} AS staged
WHERE staged.filemaker_id IS NOT NULL
ON CONFLICT DO NOTHING;

DELETE FROM {work} AS present
USING nexus_work.identity AS identity
WHERE identity.entity = {entity} AND identity.nexus_id = present.id;
