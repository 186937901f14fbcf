-- title: All appointments have an appointment type assigned
-- entity: appointment
-- severity: stop
-- field: appointment_type
-- todo: Correct appointment_type of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       'appointment_type' AS field, NULL::text AS detail
FROM nexus_work.appointments AS present
JOIN nexus_work.identity AS identity ON identity.entity = 'appointment' AND identity.nexus_id = present.id
JOIN nexus_staging.appointment AS staged ON staged.filemaker_id = identity.filemaker_id
WHERE present.appointment_type_id IS NULL;
