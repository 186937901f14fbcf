-- title: Documents stand with the patient that FileMaker's own record names
-- entity: document
-- severity: stop
-- field: object_id
-- todo: Compare the document with FileMaker: one of the two names the wrong patient
SELECT record.record_id, record.filemaker_id_text AS filemaker_id, document.id AS nexus_id,
       'object_id' AS field, decision.evidence AS detail
FROM nexus_work.documents_document AS document
JOIN nexus_staging.document AS record ON record.filemaker_id = lower(document.filemaker_id::text)
JOIN nexus_work.identity AS patient
    ON patient.entity = 'patient' AND patient.filemaker_id = record.patient_id_filemaker_id
LEFT JOIN nexus_work.decision AS decision
    ON decision.table_name = 'documents_document' AND decision.row_id = document.id
WHERE document.object_id IS DISTINCT FROM patient.nexus_id;
