-- title: No duplicate patients by FileMaker id
-- entity: patient
-- severity: stop
-- field: {key:patient}
-- todo: Keep one record per id in layout {layout:patient} of FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {key:patient} AS field, NULL::text AS detail
FROM (
    SELECT record_id, filemaker_id, filemaker_id_text, count(*) OVER (PARTITION BY filemaker_id) AS times
    FROM nexus_staging.patient
) AS staged
WHERE staged.filemaker_id IS NOT NULL AND staged.times > 1;
