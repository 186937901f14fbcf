-- title: No two Nexus patients carry one FileMaker id
-- entity: patient
-- severity: stop
-- field: filemaker_metadata
-- todo: Merge these patients in Nexus, or remove the FileMaker id from the wrong one
SELECT NULL::text AS record_id, former.filemaker_id, former.nexus_id,
       'filemaker_metadata' AS field, NULL::text AS detail
FROM (
    SELECT nexus_id, filemaker_id, count(*) OVER (PARTITION BY filemaker_id) AS times
    FROM nexus_work.former_patient
) AS former
WHERE former.times > 1;
