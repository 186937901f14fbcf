-- purpose: collect what each of the four sources says about the patient of an image batch, and decide as for documents.
--          FileMaker's own records speak through the batch's images: by id, else by the record number in the storage key.
-- parameters: metadata_patient, the expression for the batch's own FileMaker patient id (NULL where the column is missing).
--             Result: batches decided. May run again.
DELETE FROM nexus_work.decision WHERE table_name = 'images_batch';

INSERT INTO nexus_work.decision
    (table_name, row_id, by_metadata, by_link, by_record, by_key, patient_id, evidence, disagreeing)
WITH patient_type AS (
    SELECT id FROM public.django_content_type WHERE app_label = 'patients' AND model = 'patient'
),
may_belong_to_a_patient AS (
    SELECT batch.*
    FROM nexus_work.before_images_batch AS batch
    WHERE batch.content_type_id = (SELECT id FROM patient_type)
),
image_says AS (
    SELECT
        image.batch_id,
        record_patient.nexus_id AS by_record,
        key_patient.id AS by_key
    FROM nexus_work.before_images_image AS image
    LEFT JOIN nexus_staging.image AS record_by_id ON record_by_id.filemaker_id = lower(image.filemaker_id::text)
    LEFT JOIN nexus_staging.image AS record_by_number
        ON image.filemaker_id IS NULL
        AND record_by_number.record_number = substring(
            image.s3_key FROM '^filemaker-import/images-bulk-dump/([0-9]{{1,9}})[.]'
        )::integer
    LEFT JOIN nexus_work.identity AS record_patient
        ON record_patient.entity = 'patient'
        AND record_patient.filemaker_id
            = COALESCE(record_by_id.patient_id_filemaker_id, record_by_number.patient_id_filemaker_id)
    LEFT JOIN nexus_work.patients AS key_patient
        ON key_patient.id = substring(
            image.s3_key
            FROM '^(?:patients/filemaker-import/)?images/([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/'
        )::uuid
),
images_say AS (
    SELECT
        batch_id,
        (array_agg(by_record ORDER BY by_record) FILTER (WHERE by_record IS NOT NULL))[1] AS by_record,
        (array_agg(by_key ORDER BY by_key) FILTER (WHERE by_key IS NOT NULL))[1] AS by_key,
        count(DISTINCT by_record) > 1 AS is_mixed
    FROM image_says
    GROUP BY batch_id
),
said AS (
    SELECT
        batch.id,
        metadata_patient.nexus_id AS by_metadata,
        CASE WHEN left_filemaker.nexus_id IS NULL OR images_say.by_record IS NULL
             THEN COALESCE(former_link.nexus_id, linked_patient.id) END AS by_link,
        images_say.by_record,
        images_say.by_key,
        COALESCE(images_say.is_mixed, false) AS is_mixed
    FROM may_belong_to_a_patient AS batch
    LEFT JOIN nexus_work.identity AS metadata_patient
        ON metadata_patient.entity = 'patient' AND metadata_patient.filemaker_id = lower(btrim({metadata_patient}))
    LEFT JOIN nexus_work.former_patient AS former ON former.nexus_id = batch.object_id
    LEFT JOIN nexus_work.identity AS former_link
        ON former_link.entity = 'patient' AND former_link.filemaker_id = former.filemaker_id
    LEFT JOIN nexus_work.patients AS linked_patient ON linked_patient.id = batch.object_id
    LEFT JOIN images_say ON images_say.batch_id = batch.id
    LEFT JOIN nexus_work.identity AS left_filemaker
        ON left_filemaker.entity = 'patient'
        AND left_filemaker.matched_by = 'vanished'
        AND left_filemaker.nexus_id = batch.object_id
)
SELECT
    'images_batch',
    said.id,
    said.by_metadata,
    said.by_link,
    said.by_record,
    said.by_key,
    decided.patient_id,
    CASE decided.patient_id
        WHEN said.by_metadata THEN 'metadata'
        WHEN said.by_link THEN 'link'
        WHEN said.by_record THEN 'record'
        WHEN said.by_key THEN 'key'
    END,
    array_remove(ARRAY[
        CASE WHEN said.by_metadata <> decided.patient_id THEN 'metadata' END,
        CASE WHEN said.by_link <> decided.patient_id THEN 'link' END,
        CASE WHEN said.by_record <> decided.patient_id OR said.is_mixed THEN 'record' END,
        CASE WHEN said.by_key <> decided.patient_id THEN 'key' END
    ], NULL)
FROM said
CROSS JOIN LATERAL (
    SELECT COALESCE(said.by_metadata, said.by_link, said.by_record, said.by_key) AS patient_id
) AS decided;
