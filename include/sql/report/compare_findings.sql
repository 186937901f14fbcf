-- purpose: the findings of a run and what became of those before it, as people work through them.
-- parameters: run_id; `compared` is compared_findings.sql. Result: one row per finding. Only reads.
SELECT line.status, line.check_id, line.title, line.severity, line.entity, line.record_id, line.filemaker_id,
       line.nexus_id, line.layout, line.field, line.clinic, line.detail, line.todo, line.suggestion
FROM ({compared}) AS line
ORDER BY line.check_id, line.clinic NULLS LAST, line.entity, length(line.record_id), line.record_id,
         line.filemaker_id, line.nexus_id, line.field, line.detail;
