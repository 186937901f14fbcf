-- purpose: how many findings a run has by all that a person may filter by.
-- parameters: run_id; `compared` is compared_findings.sql. Result: one row per group, few however many findings there
--             are. Only reads.
SELECT line.check_id, line.title, line.severity, line.clinic, line.status, count(*) AS finding_count
FROM ({compared}) AS line
GROUP BY line.check_id, line.title, line.severity, line.clinic, line.status
ORDER BY line.check_id, line.clinic NULLS LAST, line.status;
