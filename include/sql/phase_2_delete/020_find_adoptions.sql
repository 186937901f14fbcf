-- purpose: find the rows without a FileMaker id that a FileMaker record may take over: an appointment of the same
--          patient and start, a note of the same patient and text (the n-th equal record takes the n-th equal row).
--          A row that nobody takes over exists only in Nexus.
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
    ON live.patient_id = patient.nexus_id AND live.start_time = staged.start_time AND live.filemaker_event_id IS NULL
WHERE staged.filemaker_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM nexus_work.before_appointments AS known
      WHERE known.filemaker_event_id = staged.filemaker_id::uuid
  );

WITH known_patient AS (
    SELECT DISTINCT ON (former.filemaker_id) former.filemaker_id, former.nexus_id
    FROM nexus_work.former_patient AS former
    JOIN nexus_staging.patient AS staged ON staged.filemaker_id = former.filemaker_id
    ORDER BY former.filemaker_id, former.nexus_id
),
known_note AS (
    SELECT known.filemaker_id, known.nexus_id
    FROM nexus_import.identity AS known
    JOIN nexus_work.before_notes AS note ON note.id = known.nexus_id
    WHERE known.entity = 'note'
),
staged_without_row AS (
    SELECT
        staged.filemaker_id,
        patient.nexus_id AS patient_id,
        digest.of_text,
        row_number() OVER (PARTITION BY patient.nexus_id, digest.of_text ORDER BY staged.filemaker_id) AS nth
    FROM (SELECT DISTINCT ON (filemaker_id) * FROM nexus_staging.note ORDER BY filemaker_id, record_id) AS staged
    JOIN known_patient AS patient ON patient.filemaker_id = staged.patient_id_filemaker_id
    CROSS JOIN LATERAL (
        SELECT md5(btrim(regexp_replace(staged.content, E'\r\n?', E'\n', 'g'), E' \t\n')) AS of_text
    ) AS digest
    WHERE staged.filemaker_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM known_note AS known WHERE known.filemaker_id = staged.filemaker_id)
),
row_without_record AS (
    SELECT
        note.id,
        note.patient_id,
        digest.of_text,
        row_number() OVER (PARTITION BY note.patient_id, digest.of_text ORDER BY note.created_at, note.id) AS nth
    FROM nexus_work.before_notes AS note
    CROSS JOIN LATERAL (
        SELECT md5(btrim(regexp_replace(note.content, E'\r\n?', E'\n', 'g'), E' \t\n')) AS of_text
    ) AS digest
    WHERE NOT EXISTS (SELECT FROM known_note AS known WHERE known.nexus_id = note.id)
)
INSERT INTO nexus_work.adoption_candidate (entity, filemaker_id, nexus_id, staged_count, live_count)
SELECT 'note', staged_without_row.filemaker_id, row_without_record.id, 1, 1
FROM staged_without_row
JOIN row_without_record USING (patient_id, of_text, nth);
