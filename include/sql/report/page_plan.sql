-- purpose: one page of the rows that a run's newest plan adds, changes or removes in a table.
-- parameters: run_id, table_name, action; column_name, NULL for all; size and skip, in rows.
-- Result: one row per planned row: its ids, and the columns that change. Only reads.
WITH newest AS (
    SELECT max(plan_id) AS plan_id FROM nexus_import.plan WHERE run_id = %(run_id)s
),
page AS (
    SELECT row.row_id, row.changed_columns
    FROM nexus_import.plan_row AS row
    JOIN newest USING (plan_id)
    WHERE row.table_name = %(table_name)s
      AND row.action = %(action)s
      AND (%(column_name)s::text IS NULL OR %(column_name)s = ANY(row.changed_columns))
    ORDER BY row.row_id
    LIMIT %(size)s OFFSET %(skip)s
)
SELECT page.row_id::text AS row_id, min(identity.filemaker_id) AS filemaker_id,
       array_to_string(page.changed_columns, ', ') AS words
FROM page
LEFT JOIN nexus_import.identity AS identity ON identity.nexus_id = page.row_id
GROUP BY page.row_id, page.changed_columns
ORDER BY page.row_id;
