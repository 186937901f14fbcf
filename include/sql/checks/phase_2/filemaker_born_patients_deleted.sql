-- title: No patient that came from FileMaker is left
-- entity: patient
-- severity: stop
-- todo: Clear phase_2_delete.delete_patients with downstream
SELECT NULL::text AS record_id, patient.filemaker_metadata ->> 'filemaker_id' AS filemaker_id, patient.id AS nexus_id,
       'filemaker_metadata' AS field, NULL::text AS detail
FROM nexus_work.patients AS patient
WHERE btrim(patient.filemaker_metadata ->> 'filemaker_id') <> '';
