-- title: All appointments have a clinician assigned
-- entity: appointment
-- needs: appointment.clinician_id
-- severity: stop
-- field: {field:appointment.clinician_id}
-- todo: Correct {field:appointment.clinician_id} of these records of layout {layout:appointment} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       {field:appointment.clinician_id} AS field, NULL::text AS detail
FROM nexus_work.appointments AS present
JOIN nexus_work.identity AS identity ON identity.entity = 'appointment' AND identity.nexus_id = present.id
JOIN nexus_staging.appointment AS staged ON staged.filemaker_id = identity.filemaker_id
WHERE present.clinician_id IS NULL AND staged.scope IS NULL;
