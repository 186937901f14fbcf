-- purpose: find the appointments without a FileMaker id that a FileMaker record may take over: those of the same patient
--          and start. Only where there is one of each is it taken; a row that nobody takes over exists only in Nexus.
-- parameters: none. Result: candidates found. May run again.
ANALYZE nexus_work.former_patient;

DELETE FROM nexus_work.adoption_candidate;

WITH known_patient AS (
    SELECT DISTINCT ON (former.filemaker_id) former.filemaker_id, former.nexus_id
    FROM nexus_work.former_patient AS former
    JOIN nexus_staging.patient AS staged ON staged.filemaker_id = former.filemaker_id
    ORDER BY former.filemaker_id, former.nexus_id
)
INSERT INTO nexus_work.adoption_candidate (entity, filemaker_id, nexus_id, staged_count, live_count)
SELECT
    'appointment',
    staged.filemaker_id,
    live.id,
    count(*) OVER (PARTITION BY live.id),
    count(*) OVER (PARTITION BY staged.filemaker_id)
FROM nexus_staging.appointment AS staged
JOIN known_patient AS patient ON patient.filemaker_id = staged.patient_id_filemaker_id
JOIN nexus_work.before_appointments AS live
    ON live.patient_id = patient.nexus_id
    -- earlier imports wrote 24:00:00, which FileMaker has for the end of a day, as the second before it
    AND live.start_time IN (staged.start_time, staged.start_time - interval '1 second')
    AND live.filemaker_event_id IS NULL
WHERE staged.filemaker_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM nexus_work.before_appointments AS known
      WHERE known.filemaker_event_id = staged.filemaker_id::uuid
  );
