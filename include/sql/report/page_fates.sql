-- purpose: one page of the rows of a table that FileMaker does not hold, by a run's newest plan.
-- parameters: run_id, table_name; size and skip, in rows.
-- Result: one row per row: its ids, and what becomes of it and why. Only reads.
SELECT fate.row_id::text AS row_id, fate.filemaker_id, concat_ws(', ', fate.fate, fate.reason, fate.detail) AS words
FROM nexus_import.plan_fate AS fate
WHERE fate.plan_id = (SELECT max(plan_id) FROM nexus_import.plan WHERE run_id = %(run_id)s)
  AND fate.table_name = %(table_name)s
ORDER BY fate.row_id
LIMIT %(size)s OFFSET %(skip)s;
