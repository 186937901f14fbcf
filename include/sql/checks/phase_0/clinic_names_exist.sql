-- title: All FileMaker clinic names exist in Nexus
-- entity: patient
-- severity: stop
-- group: system_config
-- field: clinic_name
-- lookup: clinics
-- todo: Correct clinic_name in FileMaker, or add an alias for clinics in include/mapping/patient.yaml
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinic_name' AS field, staged.clinic_id_name AS detail, 'patient' AS entity
FROM nexus_staging.patient AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL
UNION ALL
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinic_name' AS field, staged.clinic_id_name AS detail, 'appointment' AS entity
FROM nexus_staging.appointment AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL
UNION ALL
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinic_name' AS field, staged.clinic_id_name AS detail, 'reminder' AS entity
FROM nexus_staging.reminder AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL;
