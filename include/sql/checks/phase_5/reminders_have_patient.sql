-- title: All reminders belong to a patient that exists
-- entity: reminder
-- severity: stop
-- field: {field:reminder.patient_id}
-- todo: Correct {field:reminder.patient_id} of these records of layout {layout:reminder} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:reminder.patient_id} AS field, NULL::text AS detail
FROM nexus_staging.reminder AS staged
WHERE NOT EXISTS (
    SELECT FROM nexus_work.identity AS patient
    WHERE patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
);
