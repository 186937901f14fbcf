-- title: All documents have {field:document.export_date}
-- entity: document
-- needs: document.export_date
-- severity: stop
-- group: completeness
-- field: {field:document.export_date}
-- todo: Fill {field:document.export_date} of these records of layout {layout:document} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:document.export_date} AS field, NULL::text AS detail
FROM nexus_staging.document AS staged
WHERE staged.export_date IS NULL;
