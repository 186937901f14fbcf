-- title: All imported images are identified by filemaker_id, or by the record id in their storage key
-- entity: image
-- severity: stop
-- field: filemaker_id
-- todo: Fill filemaker_id of these images in Nexus from {layout:image}
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, image.id AS nexus_id,
       'filemaker_id' AS field, NULL::text AS detail
FROM nexus_work.images_image AS image
WHERE image.s3_key ~ '^(patients/)?filemaker-import/'
  AND image.filemaker_id IS NULL
  AND image.s3_key !~ '^filemaker-import/images-bulk-dump/[0-9]+[.]';
