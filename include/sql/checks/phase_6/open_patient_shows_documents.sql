-- title: Spot check: open a patient and see the documents
-- entity: document
-- severity: stop
-- probe: the application shows the documents that are linked to the patient and active
-- todo: Clear phase_6_documents.relink_documents with downstream
WITH opened AS (
    SELECT identity.filemaker_id, patient.id
    FROM {nexus}.patients AS patient
    JOIN nexus_work.identity AS identity ON identity.entity = 'patient' AND identity.nexus_id = patient.id
    ORDER BY random()
    LIMIT 200
)
SELECT record.record_id, record.filemaker_id_text AS filemaker_id, document.id AS nexus_id,
       'object_id' AS field, 'not shown with its patient' AS detail
FROM opened
JOIN nexus_staging.document AS record ON record.patient_id_filemaker_id = opened.filemaker_id
JOIN {nexus}.documents_document AS document ON lower(document.filemaker_id::text) = record.filemaker_id
JOIN nexus_work.before_documents_document AS former ON former.id = document.id
-- what staff took out of use is rightly not shown
WHERE former.is_active AND NOT EXISTS (
    SELECT FROM {nexus}.documents_document AS shown
    JOIN public.django_content_type AS patient_type
        ON patient_type.id = shown.content_type_id
        AND patient_type.app_label = 'patients'
        AND patient_type.model = 'patient'
    WHERE shown.object_id = opened.id AND shown.id = document.id AND shown.is_active
);
