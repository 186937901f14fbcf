-- title: All appointments have a clinician assigned
-- entity: appointment
-- severity: stop
-- field: clinician_name
-- todo: Correct clinician_name of these records of layout API_Appointments in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       'clinician_name' AS field, NULL::text AS detail
FROM nexus_work.appointments AS present
JOIN nexus_work.identity AS identity ON identity.entity = 'appointment' AND identity.nexus_id = present.id
JOIN nexus_staging.appointment AS staged ON staged.filemaker_id = identity.filemaker_id
WHERE present.clinician_id IS NULL;
