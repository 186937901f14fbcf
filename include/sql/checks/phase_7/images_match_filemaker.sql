-- title: Images stand with the patient that FileMaker's own record names
-- entity: image
-- severity: stop
-- field: batch_id
-- todo: Compare the image with FileMaker: one of the two names the wrong patient
WITH image_record AS (
    SELECT
        image.id,
        image.batch_id,
        COALESCE(record_by_id.record_id, record_by_number.record_id) AS record_id,
        COALESCE(record_by_id.filemaker_id_text, record_by_number.filemaker_id_text) AS filemaker_id,
        COALESCE(record_by_id.patient_id_filemaker_id, record_by_number.patient_id_filemaker_id) AS patient_id
    FROM nexus_work.images_image AS image
    LEFT JOIN nexus_staging.image AS record_by_id ON record_by_id.filemaker_id = lower(image.filemaker_id::text)
    LEFT JOIN nexus_staging.image AS record_by_number
        ON image.filemaker_id IS NULL
        AND record_by_number.record_number = substring(
            image.s3_key FROM '^filemaker-import/images-bulk-dump/([0-9]{1,9})[.]'
        )::integer
)
SELECT image_record.record_id, image_record.filemaker_id, image_record.id AS nexus_id,
       'batch_id' AS field, decision.evidence AS detail
FROM image_record
JOIN nexus_work.identity AS patient
    ON patient.entity = 'patient' AND patient.filemaker_id = image_record.patient_id
JOIN nexus_work.images_batch AS batch ON batch.id = image_record.batch_id
LEFT JOIN nexus_work.decision AS decision ON decision.table_name = 'images_batch' AND decision.row_id = batch.id
WHERE batch.object_id IS DISTINCT FROM patient.nexus_id;
