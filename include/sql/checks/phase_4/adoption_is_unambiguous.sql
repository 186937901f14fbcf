-- title: Appointments without an event id are adopted by one record each
-- entity: appointment
-- severity: stop
-- field: {field:appointment.start_time}
-- todo: Decide in Nexus which appointment is which: two of one patient start at the same time
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, candidate.nexus_id,
       {field:appointment.start_time} AS field, NULL::text AS detail
FROM nexus_work.adoption_candidate AS candidate
JOIN nexus_staging.appointment AS staged ON staged.filemaker_id = candidate.filemaker_id
WHERE candidate.entity = 'appointment' AND (candidate.staged_count > 1 OR candidate.live_count > 1);
