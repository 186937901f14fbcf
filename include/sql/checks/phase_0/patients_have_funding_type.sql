-- title: All patients have {field:patient.funding_type_id}, if FileMaker has funding at all
-- entity: patient
-- needs: patient.funding_type_id
-- severity: stop
-- group: completeness
-- field: {field:patient.funding_type_id}
-- todo: Fill {field:patient.funding_type_id} of these records of layout {layout:patient} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:patient.funding_type_id} AS field, NULL::text AS detail
FROM nexus_staging.patient AS staged
WHERE staged.funding_type_id_name IS NULL
  AND EXISTS (SELECT FROM nexus_staging.patient AS funded WHERE funded.funding_type_id_name IS NOT NULL);
