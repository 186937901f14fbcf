-- purpose: the findings of a run, each new or still open, and the findings of earlier runs that are fixed. Each check is
--          compared with the newest earlier run that ran it; a finding is the same when check, entity, record (else row)
--          and field are, which `same_as` is made of.
-- parameters: run_id; check_ids, NULL for all checks. Result: one row per finding, in no order; stands in other
--             statements as `compared`. Only reads.
WITH due AS (
    SELECT result.check_id, result.title, result.severity, result.todo, former.run_id AS former_run_id
    FROM nexus_import.check_result AS result
    JOIN nexus_import.run AS this_run USING (run_id)
    LEFT JOIN LATERAL (
        SELECT run.run_id
        FROM nexus_import.run AS run
        JOIN nexus_import.check_result AS earlier
            ON earlier.run_id = run.run_id AND earlier.check_id = result.check_id
        WHERE run.started_at < this_run.started_at AND run.run_id <> this_run.run_id
        ORDER BY run.started_at DESC, run.run_id
        LIMIT 1
    ) AS former ON true
    -- a check that this run did not come to says nothing about what it found before
    WHERE result.run_id = %(run_id)s
      AND (%(check_ids)s::text[] IS NULL OR result.check_id = ANY(%(check_ids)s))
),
former AS NOT MATERIALIZED (
    SELECT finding.*
    FROM due
    JOIN nexus_import.finding AS finding
        ON finding.run_id = due.former_run_id AND finding.check_id = due.check_id
),
compared AS NOT MATERIALIZED (
    SELECT CASE WHEN known.same_as IS NULL THEN 'new' ELSE 'still open' END AS status, present.*
    FROM nexus_import.finding AS present
    LEFT JOIN (SELECT DISTINCT same_as FROM former) AS known USING (same_as)
    WHERE present.run_id = %(run_id)s
      AND (%(check_ids)s::text[] IS NULL OR present.check_id = ANY(%(check_ids)s))
    UNION ALL
    SELECT 'fixed', former.*
    FROM former
    WHERE NOT EXISTS (
        SELECT FROM nexus_import.finding AS present
        WHERE present.run_id = %(run_id)s AND present.same_as = former.same_as
    )
)
SELECT compared.finding_id, compared.status, compared.check_id, due.title, due.severity, compared.entity,
       compared.record_id, compared.filemaker_id, compared.nexus_id::text AS nexus_id, compared.layout, compared.field,
       compared.clinic, compared.detail, due.todo, compared.suggestion
FROM compared
JOIN due ON due.check_id = compared.check_id
