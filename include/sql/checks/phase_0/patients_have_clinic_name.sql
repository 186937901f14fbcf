-- title: All patients have clinic_name
-- entity: patient
-- severity: stop
-- group: completeness
-- field: clinic_name
-- todo: Fill clinic_name of these records of layout API_Contacts in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'clinic_name' AS field, NULL::text AS detail
FROM nexus_staging.patient AS staged
WHERE staged.clinic_id_name IS NULL;
