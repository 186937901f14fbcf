-- purpose: collect what each of the four sources says about the patient of a document, and decide: the first that
--          answers wins, those that say otherwise are kept as disagreeing.
-- parameters: none. Result: documents decided. May run again.
DELETE FROM nexus_work.decision WHERE table_name = 'documents_document';

INSERT INTO nexus_work.decision
    (table_name, row_id, by_metadata, by_link, by_record, by_key, patient_id, evidence, disagreeing)
WITH patient_type AS (
    SELECT id FROM public.django_content_type WHERE app_label = 'patients' AND model = 'patient'
),
may_belong_to_a_patient AS (
    SELECT document.*
    FROM nexus_work.before_documents_document AS document
    WHERE document.content_type_id IS NULL
       OR document.content_type_id = (SELECT id FROM patient_type)
),
said AS (
    SELECT
        document.id,
        metadata_patient.nexus_id AS by_metadata,
        CASE WHEN left_filemaker.nexus_id IS NULL OR record_patient.nexus_id IS NULL
             THEN COALESCE(former_link.nexus_id, linked_patient.id) END AS by_link,
        record_patient.nexus_id AS by_record,
        key_patient.id AS by_key
    FROM may_belong_to_a_patient AS document
    LEFT JOIN nexus_work.identity AS metadata_patient
        ON metadata_patient.entity = 'patient'
        AND metadata_patient.filemaker_id = lower(btrim(document.filemaker_metadata ->> 'filemaker_patient_id'))
    LEFT JOIN nexus_work.former_patient AS former
        ON former.nexus_id = document.object_id AND document.content_type_id IS NOT NULL
    LEFT JOIN nexus_work.identity AS former_link
        ON former_link.entity = 'patient' AND former_link.filemaker_id = former.filemaker_id
    LEFT JOIN nexus_work.patients AS linked_patient
        ON linked_patient.id = document.object_id AND document.content_type_id IS NOT NULL
    -- Who left FileMaker keeps no file that FileMaker's own record gives to somebody: two patients merged into one.
    LEFT JOIN nexus_work.identity AS left_filemaker
        ON left_filemaker.entity = 'patient'
        AND left_filemaker.matched_by = 'vanished'
        AND left_filemaker.nexus_id = document.object_id
    LEFT JOIN nexus_staging.document AS record
        ON record.filemaker_id = lower(document.filemaker_id::text)
    LEFT JOIN nexus_work.identity AS record_patient
        ON record_patient.entity = 'patient' AND record_patient.filemaker_id = record.patient_id_filemaker_id
    LEFT JOIN nexus_work.patients AS key_patient
        ON key_patient.id = substring(
            document.s3_key
            FROM '^patients/filemaker-import/documents/([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/'
        )::uuid
)
SELECT DISTINCT ON (said.id)
    'documents_document',
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
        CASE WHEN said.by_record <> decided.patient_id THEN 'record' END,
        CASE WHEN said.by_key <> decided.patient_id THEN 'key' END
    ], NULL)
FROM said
CROSS JOIN LATERAL (
    SELECT COALESCE(said.by_metadata, said.by_link, said.by_record, said.by_key) AS patient_id
) AS decided
ORDER BY said.id;
