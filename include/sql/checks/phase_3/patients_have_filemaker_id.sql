-- title: All patients have their FileMaker id in filemaker_metadata
-- entity: patient
-- severity: stop
-- field: {key:patient}
-- todo: Give these records of layout {layout:patient} an id in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       {key:patient} AS field, NULL::text AS detail
FROM nexus_staging.patient AS staged
LEFT JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
LEFT JOIN nexus_work.patients AS present ON present.id = identity.nexus_id
WHERE staged.filemaker_id IS NULL
   OR lower(present.filemaker_metadata ->> 'filemaker_id') IS DISTINCT FROM staged.filemaker_id;
