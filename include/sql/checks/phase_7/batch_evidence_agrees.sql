-- title: Sources of a batch's patient that disagree with the one that won
-- entity: image
-- severity: warn
-- field: object_id
-- todo: Nothing if FileMaker's record agrees with the winner; the wrong link is repaired
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, decision.row_id AS nexus_id,
       'object_id' AS field,
       decision.evidence || ' won over ' || array_to_string(decision.disagreeing, ', ') AS detail
FROM nexus_work.decision AS decision
WHERE decision.table_name = 'images_batch' AND decision.disagreeing <> '{}';
