-- title: Spot check: open a patient and see the images
-- entity: image
-- severity: stop
-- probe: the application shows the images of the batches that are linked to the patient
-- todo: Clear phase_7_images.relink_batches with downstream
WITH opened AS (
    SELECT identity.filemaker_id, patient.id
    FROM {nexus}.patients AS patient
    JOIN nexus_work.identity AS identity ON identity.entity = 'patient' AND identity.nexus_id = patient.id
    ORDER BY random()
    LIMIT 200
),
-- An image is its FileMaker record's by id, else by the record number in the storage key.
image_record AS (
    SELECT image.id, image.batch_id, record.record_id, record.filemaker_id_text AS filemaker_id,
           record.patient_id_filemaker_id AS patient_id
    FROM {nexus}.images_image AS image
    JOIN nexus_staging.image AS record ON record.filemaker_id = lower(image.filemaker_id::text)
    UNION ALL
    SELECT image.id, image.batch_id, record.record_id, record.filemaker_id_text, record.patient_id_filemaker_id
    FROM {nexus}.images_image AS image
    JOIN nexus_staging.image AS record
        ON record.record_number = substring(
            image.s3_key FROM '^filemaker-import/images-bulk-dump/([0-9]{1,9})[.]'
        )::integer
    WHERE image.filemaker_id IS NULL
)
SELECT image_record.record_id, image_record.filemaker_id, image_record.id AS nexus_id,
       'batch_id' AS field, 'not shown with its patient' AS detail
FROM opened
JOIN image_record ON image_record.patient_id = opened.filemaker_id
WHERE NOT EXISTS (
    SELECT FROM {nexus}.images_batch AS shown
    JOIN public.django_content_type AS patient_type
        ON patient_type.id = shown.content_type_id
        AND patient_type.app_label = 'patients'
        AND patient_type.model = 'patient'
    WHERE shown.object_id = opened.id AND shown.id = image_record.batch_id
);
