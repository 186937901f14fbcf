-- title: Open the calendar: see appointments
-- entity: appointment
-- severity: stop
-- field: {field:appointment.end_time}
-- probe: the application computes a duration for every appointment with a patient, and shows none when one has no end
-- todo: Correct start and end of these records of layout {layout:appointment} in FileMaker; one without an end breaks the whole calendar
SELECT NULL::text AS record_id, appointment.filemaker_event_id::text AS filemaker_id, appointment.id AS nexus_id,
       {field:appointment.end_time} AS field,
       CASE WHEN appointment.end_time IS NULL THEN 'no end' ELSE 'ends before it starts' END AS detail
FROM {nexus}.appointments AS appointment
WHERE appointment.patient_id IS NOT NULL
  AND (appointment.end_time IS NULL OR appointment.end_time < appointment.start_time);
