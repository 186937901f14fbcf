-- title: Note count matches FileMaker
-- entity: note
-- needs: this
-- severity: stop
-- todo: Correct these records of layout {layout:this} in FileMaker (two records with one id, or none, cannot both be imported)
WITH counted AS (
    SELECT staged.*, row_number() OVER (PARTITION BY staged.filemaker_id ORDER BY staged.record_id) AS nth
    FROM {staging} AS staged
)
SELECT counted.record_id, counted.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       NULL::text AS field, 'not in Nexus as a row of its own' AS detail
FROM counted
LEFT JOIN nexus_work.identity AS identity
    ON identity.entity = {entity} AND identity.filemaker_id = counted.filemaker_id AND counted.nth = 1
    AND identity.matched_by <> 'vanished'
LEFT JOIN {work} AS present ON present.id = identity.nexus_id
WHERE present.id IS NULL
UNION ALL
SELECT NULL, identity.filemaker_id, identity.nexus_id, NULL, 'not in FileMaker'
FROM nexus_work.identity AS identity
JOIN {work} AS present ON present.id = identity.nexus_id
WHERE identity.entity = {entity}
  AND identity.matched_by <> 'vanished'
  AND NOT EXISTS (SELECT FROM {staging} AS staged WHERE staged.filemaker_id = identity.filemaker_id);
