-- title: Search for a patient: found
-- entity: patient
-- severity: stop
-- probe: the application looks for every word in first name, last name, mrn and health number, and leaves out the
--   archived unless it is asked for them; typed are the first halves of the words of a name, three
--   letters at least, and each number
-- todo: Clear phase_3_patients.import_patients with downstream
WITH searched AS (
    SELECT staged.record_id, staged.filemaker_id_text, identity.nexus_id, question.field, question.detail,
           former.archived OR to_jsonb(staged) ->> 'archived' = 'true' AS is_archived,
           question.share, question.of_filemaker, question.of_nexus, question.is_nexus_own
    FROM nexus_staging.patient AS staged
    JOIN nexus_work.identity AS identity
        ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
    JOIN nexus_work.patients AS imported ON imported.id = identity.nexus_id
    LEFT JOIN nexus_work.before_patients AS former ON former.id = identity.nexus_id
    CROSS JOIN LATERAL (
        VALUES
            (
                {field:patient.first_name,last_name}, 'not found by parts of its name', 2.0,
                concat_ws(' ', staged.first_name, staged.last_name),
                concat_ws(' ', former.first_name, former.last_name),
                staged.kept_columns && ARRAY['first_name', 'last_name']
            ),
            (
                {field:patient.health_number}, 'not found by its health number', 1.0,
                to_jsonb(staged) ->> 'health_number', former.health_number,
                NOT to_jsonb(staged) ? 'health_number' OR 'health_number' = ANY (staged.kept_columns)
            ),
            (
                'mrn', 'not found by its mrn', 1.0, to_jsonb(staged) ->> 'mrn', former.mrn,
                NOT to_jsonb(staged) ? 'mrn' OR 'mrn' = ANY (staged.kept_columns)
            )
    ) AS question (field, detail, share, of_filemaker, of_nexus, is_nexus_own)
)
SELECT searched.record_id, searched.filemaker_id_text AS filemaker_id, searched.nexus_id,
       searched.field, searched.detail
FROM searched
-- what Nexus had and FileMaker's record empties is gone, and nobody looks for it
WHERE (searched.of_filemaker <> '' OR (searched.of_nexus <> '' AND searched.is_nexus_own))
  AND NOT EXISTS (
      SELECT FROM {nexus}.patients AS listed
      -- a value is FileMaker's or the one that Nexus had, whichever the run let win
      CROSS JOIN (VALUES (searched.of_filemaker), (searched.of_nexus)) AS typed (words)
      WHERE listed.id = searched.nexus_id
        -- whom staff or FileMaker archived is looked for among the archived
        AND (NOT listed.archived OR searched.is_archived)
        AND typed.words <> ''
        AND NOT EXISTS (
            SELECT FROM regexp_split_to_table(typed.words, '[[:space:],]+') AS word
            WHERE position(
                upper(left(word, GREATEST(3, ceil(length(word) / searched.share)::integer)))
                IN upper(concat_ws(' ', listed.first_name, listed.last_name, listed.mrn, listed.health_number))
            ) = 0
        )
  );
