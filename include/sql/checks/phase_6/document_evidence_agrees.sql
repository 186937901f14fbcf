-- title: Sources of a document's patient that disagree with the one that won
-- entity: document
-- severity: warn
-- field: object_id
-- todo: Nothing if FileMaker's record agrees with the winner; the wrong link is repaired
SELECT NULL::text AS record_id, document.filemaker_id::text AS filemaker_id, document.id AS nexus_id,
       'object_id' AS field,
       decision.evidence || ' won over ' || array_to_string(decision.disagreeing, ', ') AS detail
FROM nexus_work.decision AS decision
JOIN nexus_work.documents_document AS document ON document.id = decision.row_id
WHERE decision.table_name = 'documents_document' AND decision.disagreeing <> '{}';
