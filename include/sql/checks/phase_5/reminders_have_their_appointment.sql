-- title: The appointment that a reminder names exists
-- entity: reminder
-- severity: warn
-- field: {field:reminder.appointment_id}
-- todo: Correct {field:reminder.appointment_id} of these records of layout {layout:reminder} in FileMaker; without it the reminder belongs to its patient only
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, identity.nexus_id,
       {field:reminder.appointment_id} AS field, 'no such appointment' AS detail
FROM nexus_staging.reminder AS staged
LEFT JOIN nexus_work.identity AS identity
    ON identity.entity = 'reminder' AND identity.filemaker_id = staged.filemaker_id
WHERE staged.appointment_id_filemaker_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM nexus_work.identity AS named
      JOIN nexus_work.appointments AS appointment ON appointment.id = named.nexus_id
      WHERE named.entity = 'appointment' AND named.filemaker_id = staged.appointment_id_filemaker_id
  );
