-- purpose: link every document to the patient that was decided; documents without a decision stay as they are.
-- parameters: none. Result: documents whose link changed. May run again.
UPDATE nexus_work.documents_document AS document
SET content_type_id = former.content_type_id, object_id = former.object_id
FROM nexus_work.before_documents_document AS former
WHERE former.id = document.id
  AND (former.content_type_id, former.object_id) IS DISTINCT FROM (document.content_type_id, document.object_id);

UPDATE nexus_work.documents_document AS document
SET content_type_id = patient_type.id, object_id = decision.patient_id
FROM nexus_work.decision AS decision, public.django_content_type AS patient_type
WHERE decision.table_name = 'documents_document'
  AND decision.row_id = document.id
  AND decision.patient_id IS NOT NULL
  AND patient_type.app_label = 'patients'
  AND patient_type.model = 'patient'
  AND (document.content_type_id, document.object_id) IS DISTINCT FROM (patient_type.id, decision.patient_id);
