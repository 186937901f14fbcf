-- title: All appointments have clinician_name
-- entity: appointment
-- severity: stop
-- group: completeness
-- field: clinician_name
-- todo: Fill clinician_name of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinician_name' AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.clinician_id_name IS NULL;
