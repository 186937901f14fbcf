-- purpose: find the rows of one entity without a FileMaker id that a record may take over: those that are equal in the
--          columns the mapping names. The n-th equal record takes the n-th equal row; surplus rows exist only in Nexus.
-- parameters: entity, staging, before, known (query of the rows known to be FileMaker's), references (joins of what the
--             records refer to), staged_key and former_key (digests of the columns), former_order (the oldest first).
-- Result: candidates found. May run again.
WITH known_row AS (
    SELECT known.filemaker_id, known.nexus_id
    FROM ({known}) AS known
    JOIN {before} AS former ON former.id = known.nexus_id
),
staged_without_row AS (
    SELECT
        staged.filemaker_id,
        {staged_key} AS key,
        row_number() OVER (PARTITION BY {staged_key} ORDER BY staged.filemaker_id) AS nth
    FROM (SELECT DISTINCT ON (filemaker_id) * FROM {staging} ORDER BY filemaker_id, record_id) AS staged
    {references}
    WHERE staged.filemaker_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM known_row AS known WHERE known.filemaker_id = staged.filemaker_id)
),
row_without_record AS (
    SELECT
        former.id,
        {former_key} AS key,
        row_number() OVER (PARTITION BY {former_key} ORDER BY {former_order}) AS nth
    FROM {before} AS former
    WHERE NOT EXISTS (SELECT FROM known_row AS known WHERE known.nexus_id = former.id)
)
INSERT INTO nexus_work.adoption_candidate (entity, filemaker_id, nexus_id, staged_count, live_count)
SELECT {entity}, staged_without_row.filemaker_id, row_without_record.id, 1, 1
FROM staged_without_row
JOIN row_without_record USING (key, nth);
