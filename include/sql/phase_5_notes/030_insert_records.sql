-- purpose: insert the records of one entity: mapped columns from FileMaker, the others as they were or the default. A
--          record without what a row must have is left out; the checks of phase 5 name it.
-- parameters: entity, staging, before, work, table (its name as text), references (joins of what the records refer to),
--             is_usable, columns, values; all composed from include/mapping/<entity>.yaml.
-- Result: rows inserted. May run again after 010 and 020.
WITH first_record_of_each_id AS (
    SELECT DISTINCT ON (filemaker_id) *
    FROM {staging}
    WHERE filemaker_id IS NOT NULL
    ORDER BY filemaker_id, record_id
)
INSERT INTO {work} ({columns})
SELECT {values}
FROM first_record_of_each_id AS staged
JOIN nexus_work.identity AS identity ON identity.entity = {entity} AND identity.filemaker_id = staged.filemaker_id
{references}
LEFT JOIN {before} AS former ON former.id = identity.nexus_id
LEFT JOIN nexus_import.published_row AS published
    ON published.table_name = {table} AND published.row_id = identity.nexus_id
WHERE {is_usable};
