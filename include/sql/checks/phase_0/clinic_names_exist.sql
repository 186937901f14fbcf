-- title: All FileMaker clinic names exist in Nexus
-- entity: patient
-- severity: stop
-- group: system_config
-- field: {field:patient.clinic_id}
-- lookup: clinics
-- todo: Correct the clinic in FileMaker, or add an alias for clinics in the mapping file of these records (patient.yaml, appointment.yaml)
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:patient.clinic_id} AS field, staged.clinic_id_name AS detail, 'patient' AS entity
FROM nexus_staging.patient AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL
UNION ALL
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.clinic_id} AS field, staged.clinic_id_name AS detail, 'appointment' AS entity
FROM nexus_staging.appointment AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL
UNION ALL
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:reminder.clinic_id} AS field, staged.clinic_id_name AS detail, 'reminder' AS entity
FROM nexus_staging.reminder AS staged
WHERE staged.clinic_id_name IS NOT NULL AND staged.clinic_id IS NULL;
