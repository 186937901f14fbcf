-- title: All documents have a patient that exists
-- entity: document
-- severity: stop
-- field: object_id
-- todo: Find the patient of these documents in Nexus, or allow a number of them with unlinkable_allowed in include/policy.yaml
SELECT NULL::text AS record_id, document.filemaker_id::text AS filemaker_id, document.id AS nexus_id,
       'object_id' AS field,
       CASE WHEN document.object_id IS NULL THEN 'no link' ELSE 'linked to a patient that does not exist' END AS detail
FROM nexus_work.documents_document AS document
LEFT JOIN public.django_content_type AS linked_type ON linked_type.id = document.content_type_id
WHERE (linked_type.id IS NULL OR (linked_type.app_label = 'patients' AND linked_type.model = 'patient'))
  AND NOT EXISTS (SELECT FROM nexus_work.patients AS patient WHERE patient.id = document.object_id);
