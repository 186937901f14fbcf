-- purpose: insert the reminders with their appointment, where that exists: mapped columns from FileMaker, the others
--          as they were.
-- parameters: columns, values (composed from include/mapping/reminder.yaml). Result: reminders inserted.
WITH first_record_of_each_id AS (
    SELECT DISTINCT ON (filemaker_id) *
    FROM nexus_staging.reminder
    WHERE filemaker_id IS NOT NULL
    ORDER BY filemaker_id, record_id
)
INSERT INTO nexus_work.reminders ({columns})
SELECT {values}
FROM first_record_of_each_id AS staged
JOIN nexus_work.identity AS identity ON identity.entity = 'reminder' AND identity.filemaker_id = staged.filemaker_id
JOIN nexus_work.identity AS patient_id_reference
    ON patient_id_reference.entity = 'patient'
    AND patient_id_reference.filemaker_id = staged.patient_id_filemaker_id
LEFT JOIN (
    SELECT identity.filemaker_id, identity.nexus_id
    FROM nexus_work.identity AS identity
    JOIN nexus_work.appointments AS appointment ON appointment.id = identity.nexus_id
    WHERE identity.entity = 'appointment'
) AS appointment_id_reference
    ON appointment_id_reference.filemaker_id = staged.appointment_id_filemaker_id
LEFT JOIN nexus_work.before_reminders AS former ON former.id = identity.nexus_id
LEFT JOIN nexus_import.published_row AS published
    ON published.table_name = 'reminders' AND published.row_id = identity.nexus_id;
