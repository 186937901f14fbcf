-- purpose: give each FileMaker appointment its Nexus id: by event id, else by adopting the one row of the same
--          patient and start that has no event id, else a new one. More than one candidate adopts nothing.
-- parameters: none. Result: appointments matched. May run again.
CREATE TABLE IF NOT EXISTS nexus_work.adoption_candidate (
    filemaker_id text NOT NULL,
    nexus_id uuid NOT NULL,
    staged_count integer NOT NULL,
    live_count integer NOT NULL
);

TRUNCATE nexus_work.adoption_candidate;

INSERT INTO nexus_work.adoption_candidate (filemaker_id, nexus_id, staged_count, live_count)
SELECT
    staged.filemaker_id,
    live.id,
    count(*) OVER (PARTITION BY live.id),
    count(*) OVER (PARTITION BY staged.filemaker_id)
FROM nexus_staging.appointment AS staged
JOIN nexus_work.identity AS patient
    ON patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
JOIN nexus_work.appointments AS live
    ON live.patient_id = patient.nexus_id AND live.start_time = staged.start_time AND live.filemaker_event_id IS NULL
WHERE staged.filemaker_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM nexus_work.before_appointments AS known
      WHERE known.filemaker_event_id = staged.filemaker_id::uuid
  );

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
    ON adopted.filemaker_id = staged.filemaker_id AND adopted.staged_count = 1 AND adopted.live_count = 1
WHERE staged.filemaker_id IS NOT NULL
ORDER BY staged.filemaker_id;

DELETE FROM nexus_work.appointments AS appointment
USING nexus_work.identity AS identity
WHERE identity.entity = 'appointment' AND identity.nexus_id = appointment.id;
