-- title: All image batches have a patient that exists
-- entity: image
-- severity: stop
-- field: object_id
-- todo: Find the patient of these batches in Nexus, or allow a number of them with unlinkable_allowed in include/policy.yaml
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, batch.id AS nexus_id,
       'object_id' AS field, 'linked to a patient that does not exist' AS detail
FROM nexus_work.images_batch AS batch
LEFT JOIN public.django_content_type AS linked_type ON linked_type.id = batch.content_type_id
WHERE (linked_type.id IS NULL OR (linked_type.app_label = 'patients' AND linked_type.model = 'patient'))
  AND NOT EXISTS (SELECT FROM nexus_work.patients AS patient WHERE patient.id = batch.object_id);
