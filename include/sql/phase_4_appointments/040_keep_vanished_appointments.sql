-- purpose: put back appointments that FileMaker no longer has while rows that exist only in Nexus refer to them.
-- parameters: none. Result: appointments put back. May run again.
WITH vanished AS (
    SELECT former.id, lower(former.filemaker_event_id::text) AS filemaker_id
    FROM nexus_work.before_appointments AS former
    WHERE former.filemaker_event_id IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM nexus_work.identity AS identity
          WHERE identity.entity = 'appointment' AND identity.nexus_id = former.id
      )
),
referred_to AS (
    SELECT appointment_id FROM nexus_work.encounters
    UNION SELECT appointment_id FROM nexus_work.sms_messages
    UNION SELECT appointment_id FROM nexus_work.xero_invoice_links
    UNION SELECT appointment_id FROM nexus_work.xero_quote_links
    UNION SELECT appointment_id FROM nexus_work.reminders
    UNION SELECT parent_appointment_id FROM nexus_work.appointments
),
kept AS (
    INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
    SELECT 'appointment', vanished.filemaker_id, vanished.id, 'vanished'
    FROM vanished
    JOIN referred_to ON referred_to.appointment_id = vanished.id
    RETURNING nexus_id
)
INSERT INTO nexus_work.appointments
SELECT appointment.*
FROM nexus_work.before_appointments AS appointment
JOIN kept ON kept.nexus_id = appointment.id;
