-- purpose: give each FileMaker appointment its Nexus id: by event id, else by adopting the one row of the same
--          patient and start that has no event id (found in phase 2), else a new one. More than one candidate adopts
--          nothing.
-- parameters: none. Result: appointments matched. May run again.
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id)
    'appointment',
    staged.filemaker_id,
    COALESCE(known.id, adopted.nexus_id, staged.nexus_id),
    CASE WHEN known.id IS NOT NULL THEN 'filemaker_id'
         WHEN adopted.nexus_id IS NOT NULL THEN 'patient_and_start'
         ELSE 'new' END
FROM nexus_staging.appointment AS staged
LEFT JOIN nexus_work.before_appointments AS known ON known.filemaker_event_id = staged.filemaker_id::uuid
LEFT JOIN nexus_work.adoption_candidate AS adopted
    ON adopted.entity = 'appointment'
    AND adopted.filemaker_id = staged.filemaker_id
    AND adopted.staged_count = 1
    AND adopted.live_count = 1
WHERE staged.filemaker_id IS NOT NULL
ORDER BY staged.filemaker_id;

DELETE FROM nexus_work.appointments AS appointment
USING nexus_work.identity AS identity
WHERE identity.entity = 'appointment' AND identity.nexus_id = appointment.id;
