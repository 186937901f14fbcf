-- purpose: `nexus_only: delete`, the requirement's cascade: everything that hangs on a patient goes, also what
--          exists nowhere else; inbound messages and invoices lose their patient.
-- parameters: none. Result: patients deleted. May run again.
DELETE FROM nexus_work.xero_quote_links WHERE appointment_id IS NOT NULL;

UPDATE nexus_work.xero_quote_links SET patient_id = NULL WHERE patient_id IS NOT NULL;

UPDATE nexus_work.xero_invoice_links
SET patient_id = NULL, appointment_id = NULL
WHERE patient_id IS NOT NULL OR appointment_id IS NOT NULL;

UPDATE nexus_work.sms_inbound SET patient_id = NULL WHERE patient_id IS NOT NULL;

DELETE FROM nexus_work.xero_contact_links WHERE patient_id IS NOT NULL;

DELETE FROM nexus_work.patient_coordinators;

DELETE FROM nexus_work.patient_referrers;

DELETE FROM nexus_work.encounters;

DELETE FROM nexus_work.sms_messages WHERE patient_id IS NOT NULL;

UPDATE nexus_work.sms_messages SET appointment_id = NULL WHERE appointment_id IS NOT NULL;

DELETE FROM nexus_work.reminders;

DELETE FROM nexus_work.letters_patientletter;

DELETE FROM nexus_work.notes;

DELETE FROM nexus_work.appointments;

DELETE FROM nexus_work.patients;
