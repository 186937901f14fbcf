-- purpose: one page of a run's findings.
-- parameters: run_id; check_id, severity, clinic ('' is those of no clinic) and status, each NULL for all of them; size
--             and skip, in findings; `compared` is compared_findings.sql, `first` the column that is sorted by first.
-- Result: one row per finding. Only reads.
SELECT line.status, line.check_id, line.title, line.severity, line.entity, line.record_id, line.filemaker_id,
       line.nexus_id, line.layout, line.field, line.clinic, line.detail, line.todo, line.suggestion
FROM ({compared}) AS line
WHERE (%(check_id)s::text IS NULL OR line.check_id = %(check_id)s)
  AND (%(severity)s::text IS NULL OR line.severity = %(severity)s)
  AND (%(clinic)s::text IS NULL OR COALESCE(line.clinic, '') = %(clinic)s)
  AND (%(status)s::text IS NULL OR line.status = %(status)s)
-- few keys, compared by bytes: a clinic's 50,000 findings are sorted for each page
ORDER BY {first} NULLS LAST, line.check_id COLLATE "C", line.finding_id
LIMIT %(size)s OFFSET %(skip)s;
