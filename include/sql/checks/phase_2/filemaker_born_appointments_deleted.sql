-- title: No appointment that came from FileMaker is left
-- entity: appointment
-- severity: stop
-- todo: Clear phase_2_delete.delete_patients with downstream
SELECT NULL::text AS record_id, appointment.filemaker_event_id::text AS filemaker_id, appointment.id AS nexus_id,
       'filemaker_event_id' AS field, NULL::text AS detail
FROM nexus_work.appointments AS appointment
WHERE appointment.filemaker_event_id IS NOT NULL;
