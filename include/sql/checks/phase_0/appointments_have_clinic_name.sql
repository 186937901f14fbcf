-- title: All appointments have clinic_name
-- entity: appointment
-- severity: stop
-- group: completeness
-- field: clinic_name
-- todo: Fill clinic_name of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinic_name' AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.clinic_id_name IS NULL;
