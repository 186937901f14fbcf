-- purpose: put back patients that FileMaker no longer has while rows that exist only in Nexus refer to them.
-- parameters: none. Result: patients put back. May run again.
WITH vanished AS (
    SELECT former.nexus_id, former.filemaker_id
    FROM nexus_work.former_patient AS former
    WHERE NOT EXISTS (
        SELECT FROM nexus_work.identity AS identity
        WHERE identity.entity = 'patient' AND identity.filemaker_id = former.filemaker_id
    )
),
referred_to AS (
    SELECT patient_id FROM nexus_work.appointments
    UNION SELECT patient_id FROM nexus_work.notes
    UNION SELECT patient_id FROM nexus_work.letters_patientletter
    UNION SELECT patient_id FROM nexus_work.reminders
    UNION SELECT patient_id FROM nexus_work.encounters
    UNION SELECT patient_id FROM nexus_work.sms_messages
    UNION SELECT patient_id FROM nexus_work.sms_inbound
    UNION SELECT patient_id FROM nexus_work.patient_referrers
    UNION SELECT patient_id FROM nexus_work.patient_coordinators
    UNION SELECT patient_id FROM nexus_work.xero_contact_links
    UNION SELECT patient_id FROM nexus_work.xero_invoice_links
    UNION SELECT patient_id FROM nexus_work.xero_quote_links
    UNION SELECT object_id FROM nexus_work.before_documents_document
    UNION SELECT object_id FROM nexus_work.before_images_batch
    UNION SELECT from_object_id FROM nexus_work.contact_relationships
    UNION SELECT to_object_id FROM nexus_work.contact_relationships
),
kept AS (
    INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
    SELECT DISTINCT ON (vanished.filemaker_id) 'patient', vanished.filemaker_id, vanished.nexus_id, 'vanished'
    FROM vanished
    JOIN referred_to ON referred_to.patient_id = vanished.nexus_id
    RETURNING nexus_id
)
INSERT INTO nexus_work.patients
SELECT patient.*
FROM nexus_work.before_patients AS patient
JOIN kept ON kept.nexus_id = patient.id;
