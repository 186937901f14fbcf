-- purpose: the findings of a run, each new or still open, and the findings of earlier runs that are fixed. Each check is
--          compared with the newest earlier run that ran it; a finding is the same when check, entity, record (else row)
--          and field are.
-- parameters: run_id. Result: one row per finding, in the order in which people work through them. Only reads.
WITH this_run AS (
    SELECT run_id, started_at FROM nexus_import.run WHERE run_id = %(run_id)s
),
earlier AS (
    SELECT DISTINCT ON (result.check_id) result.check_id, run.run_id
    FROM this_run
    JOIN nexus_import.run AS run ON run.started_at < this_run.started_at AND run.run_id <> this_run.run_id
    JOIN nexus_import.check_result AS result ON result.run_id = run.run_id
    ORDER BY result.check_id, run.started_at DESC, run.run_id
),
present AS (
    SELECT finding.*,
           COALESCE(finding.record_id, finding.nexus_id::text, finding.filemaker_id, finding.detail, '') AS named,
           COALESCE(finding.field, '') AS named_field
    FROM nexus_import.finding AS finding
    WHERE finding.run_id = %(run_id)s
),
former AS (
    SELECT finding.*,
           COALESCE(finding.record_id, finding.nexus_id::text, finding.filemaker_id, finding.detail, '') AS named,
           COALESCE(finding.field, '') AS named_field
    FROM earlier
    JOIN nexus_import.finding AS finding ON finding.run_id = earlier.run_id AND finding.check_id = earlier.check_id
),
compared AS (
    SELECT CASE WHEN known.check_id IS NULL THEN 'new' ELSE 'still open' END AS status, present.*
    FROM present
    LEFT JOIN (SELECT DISTINCT check_id, entity, named, named_field FROM former) AS known
        USING (check_id, entity, named, named_field)
    UNION ALL
    SELECT 'fixed', former.*
    FROM former
    WHERE NOT EXISTS (
        SELECT FROM present
        WHERE (present.check_id, present.entity, present.named, present.named_field)
            = (former.check_id, former.entity, former.named, former.named_field)
    )
)
SELECT compared.status, compared.check_id, result.title, result.severity, compared.entity, compared.record_id,
       compared.filemaker_id, compared.nexus_id::text AS nexus_id, compared.layout, compared.field, compared.clinic,
       compared.detail, result.todo, compared.suggestion
FROM compared
-- A check that this run did not come to says nothing about what it found before.
JOIN nexus_import.check_result AS result ON result.run_id = %(run_id)s AND result.check_id = compared.check_id
ORDER BY compared.check_id, compared.clinic NULLS LAST, compared.entity, length(compared.record_id),
         compared.record_id, compared.filemaker_id, compared.nexus_id, compared.field, compared.detail;
