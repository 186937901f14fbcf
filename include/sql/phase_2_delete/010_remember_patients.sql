-- purpose: remember old patient id <-> FileMaker id, before the patients go.
-- parameters: none. Result: rows remembered. May run again.
DELETE FROM nexus_work.former_patient;

INSERT INTO nexus_work.former_patient (nexus_id, filemaker_id)
SELECT patient.id, lower(btrim(patient.filemaker_metadata ->> 'filemaker_id'))
FROM nexus_work.before_patients AS patient
WHERE btrim(patient.filemaker_metadata ->> 'filemaker_id') <> '';
