-- title: All patients have funding_type, if FileMaker has funding at all
-- entity: patient
-- severity: stop
-- group: completeness
-- field: funding_type
-- todo: Fill funding_type of these records of layout API_Contacts in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'funding_type' AS field, NULL::text AS detail
FROM nexus_staging.patient AS staged
WHERE staged.funding_type_id_name IS NULL
  AND EXISTS (SELECT FROM nexus_staging.patient AS funded WHERE funded.funding_type_id_name IS NOT NULL);
