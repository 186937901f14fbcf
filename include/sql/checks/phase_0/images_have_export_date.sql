-- title: All images have {field:image.export_date}
-- entity: image
-- needs: image.export_date
-- severity: stop
-- group: completeness
-- field: {field:image.export_date}
-- todo: Fill {field:image.export_date} of these records of layout {layout:image} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:image.export_date} AS field, NULL::text AS detail
FROM nexus_staging.image AS staged
WHERE staged.export_date IS NULL;
