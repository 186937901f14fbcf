-- purpose: one page of a run's findings.
-- parameters: run_id; check_ids and block_firsts, which in pairs name the blocks of findings that the page lies in, NULL
--             for all of them; check_id, severity, clinic ('' is those of no clinic) and status, each NULL for all of
--             them; size and skip, in findings of these blocks; `compared` is compared_findings.sql, `first` what is
--             sorted by first.
-- Result: one row per finding. Only reads.
-- Few columns are sorted, and compared by bytes: without blocks a run's 50,000 findings are sorted for each page.
WITH page AS (
    SELECT line.finding_id, line.status, row_number() OVER () AS place
    FROM (
        SELECT line.finding_id, line.status
        FROM ({compared}) AS line
        WHERE (%(check_id)s::text IS NULL OR line.check_id = %(check_id)s)
          AND (%(severity)s::text IS NULL OR line.severity = %(severity)s)
          AND (%(clinic)s::text IS NULL OR COALESCE(line.clinic, '') = %(clinic)s)
          AND (%(status)s::text IS NULL OR line.status = %(status)s)
          AND (%(check_ids)s::text[] IS NULL OR EXISTS (
              SELECT FROM unnest(%(block_firsts)s::text[], %(check_ids)s::text[]) AS block (first, check_id)
              WHERE block.check_id = line.check_id AND block.first IS NOT DISTINCT FROM {first}
          ))
        ORDER BY {first} NULLS LAST, line.check_id COLLATE "C", line.finding_id
        LIMIT %(size)s OFFSET %(skip)s
    ) AS line
)
SELECT page.status, finding.check_id, result.title, result.severity, finding.entity, finding.record_id,
       finding.filemaker_id, finding.nexus_id::text AS nexus_id, finding.layout, finding.field, finding.clinic,
       finding.detail, result.todo, finding.suggestion
FROM page
JOIN nexus_import.finding AS finding USING (finding_id)
JOIN nexus_import.check_result AS result ON result.run_id = %(run_id)s AND result.check_id = finding.check_id
ORDER BY page.place;
