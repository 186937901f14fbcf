-- title: All appointments have appointment_type
-- entity: appointment
-- severity: stop
-- group: completeness
-- field: appointment_type
-- todo: Fill appointment_type of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'appointment_type' AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.appointment_type_id_name IS NULL;
