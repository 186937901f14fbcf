-- title: All images have NexusExportDate
-- entity: image
-- severity: stop
-- group: completeness
-- field: NexusExportDate
-- todo: Fill NexusExportDate of these records of layout API_Images in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'NexusExportDate' AS field, NULL::text AS detail
FROM nexus_staging.image AS staged
WHERE staged.export_date IS NULL;
