-- title: All imported documents have filemaker_id or filemaker_metadata
-- entity: document
-- severity: stop
-- field: filemaker_id
-- todo: Fill filemaker_id of these documents in Nexus from {layout:document}
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, document.id AS nexus_id,
       'filemaker_id' AS field, NULL::text AS detail
FROM nexus_work.documents_document AS document
WHERE document.s3_key LIKE 'patients/filemaker-import/%'
  AND document.filemaker_id IS NULL
  AND COALESCE(document.filemaker_metadata, '{}'::jsonb) = '{}'::jsonb;
