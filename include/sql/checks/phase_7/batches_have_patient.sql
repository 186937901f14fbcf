-- title: All image batches have a patient that exists
-- entity: image
-- severity: stop
-- field: object_id
-- count_by: detail
-- todo: Find the patient of these batches in Nexus, or allow a number of them under allowances in include/policy.yaml
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, batch.id AS nexus_id,
       'object_id' AS field,
       CASE
           WHEN NOT EXISTS (SELECT FROM nexus_work.images_image AS image WHERE image.batch_id = batch.id)
               THEN 'linked to a patient that does not exist, and without images'
           WHEN EXISTS (
               SELECT FROM nexus_work.images_image AS image
               JOIN nexus_staging.image AS record
                   ON record.filemaker_id = lower(image.filemaker_id::text)
                   OR (
                       image.filemaker_id IS NULL
                       AND record.record_number = substring(
                           image.s3_key FROM '^filemaker-import/images-bulk-dump/([0-9]{1,9})[.]'
                       )::integer
                   )
               WHERE image.batch_id = batch.id
           ) THEN 'FileMaker''s records of its images name no patient that is there'
           ELSE 'linked to a patient that does not exist, and FileMaker has no record of its images'
       END AS detail
FROM nexus_work.images_batch AS batch
LEFT JOIN public.django_content_type AS linked_type ON linked_type.id = batch.content_type_id
WHERE (linked_type.id IS NULL OR (linked_type.app_label = 'patients' AND linked_type.model = 'patient'))
  AND NOT EXISTS (SELECT FROM nexus_work.patients AS patient WHERE patient.id = batch.object_id);
