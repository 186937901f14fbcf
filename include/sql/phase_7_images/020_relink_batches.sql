-- purpose: link every image batch to the patient that was decided; its images follow.
-- parameters: none. Result: batches whose link changed. May run again.
UPDATE nexus_work.images_batch AS batch
SET content_type_id = former.content_type_id, object_id = former.object_id
FROM nexus_work.before_images_batch AS former
WHERE former.id = batch.id
  AND (former.content_type_id, former.object_id) IS DISTINCT FROM (batch.content_type_id, batch.object_id);

UPDATE nexus_work.images_batch AS batch
SET object_id = decision.patient_id
FROM nexus_work.decision AS decision
WHERE decision.table_name = 'images_batch'
  AND decision.row_id = batch.id
  AND decision.patient_id IS NOT NULL
  AND batch.object_id IS DISTINCT FROM decision.patient_id;
