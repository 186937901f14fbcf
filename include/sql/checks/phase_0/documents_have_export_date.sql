-- title: All documents have NexusExportDate
-- entity: document
-- severity: stop
-- group: completeness
-- field: NexusExportDate
-- todo: Fill NexusExportDate of these records of layout API_Docs in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'NexusExportDate' AS field, NULL::text AS detail
FROM nexus_staging.document AS staged
WHERE staged.export_date IS NULL;
