-- title: All appointments have patient_id
-- entity: appointment
-- severity: stop
-- group: completeness
-- field: patient_id
-- todo: Fill patient_id of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'patient_id' AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.patient_id_filemaker_id IS NULL;
