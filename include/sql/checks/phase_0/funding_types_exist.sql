-- title: All FileMaker funding types exist in Nexus
-- entity: patient
-- severity: stop
-- group: system_config
-- field: {field:patient.funding_type_id}
-- lookup: funding_sources
-- todo: Correct {field:patient.funding_type_id} in FileMaker, or add an alias for funding_sources in include/mapping/patient.yaml
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:patient.funding_type_id} AS field, staged.funding_type_id_name AS detail, 'patient' AS entity
FROM nexus_staging.patient AS staged
WHERE staged.funding_type_id_name IS NOT NULL AND staged.funding_type_id IS NULL;
