-- title: All documents have a patient that exists
-- entity: document
-- severity: stop
-- field: object_id
-- count_by: detail
-- todo: Find the patient of these documents in Nexus, or allow a number of them under allowances in include/policy.yaml
SELECT NULL::text AS record_id, document.filemaker_id::text AS filemaker_id, document.id AS nexus_id,
       'object_id' AS field,
       CASE
           WHEN btrim(document.filemaker_metadata ->> 'filemaker_patient_id') <> ''
               THEN 'its own FileMaker patient id belongs to no patient'
           WHEN record.patient_id_filemaker_id IS NOT NULL THEN 'FileMaker''s record names a patient that is not there'
           WHEN record.filemaker_id IS NOT NULL THEN 'FileMaker''s record names no patient'
           WHEN document.object_id IS NOT NULL THEN 'linked to a patient that does not exist'
           ELSE 'nothing says whose it is'
       END AS detail
FROM nexus_work.documents_document AS document
LEFT JOIN public.django_content_type AS linked_type ON linked_type.id = document.content_type_id
LEFT JOIN LATERAL (
    SELECT staged.filemaker_id, staged.patient_id_filemaker_id
    FROM nexus_staging.document AS staged
    WHERE staged.filemaker_id = lower(document.filemaker_id::text)
    LIMIT 1
) AS record ON true
WHERE (linked_type.id IS NULL OR (linked_type.app_label = 'patients' AND linked_type.model = 'patient'))
  AND NOT EXISTS (SELECT FROM nexus_work.patients AS patient WHERE patient.id = document.object_id);
