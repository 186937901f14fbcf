-- title: FileMaker ids and names mean the same clinic, clinician, type or funding
-- entity: patient
-- severity: stop
-- group: completeness
-- count_by: detail
-- todo: Correct the id or the name in FileMaker; until then the id counts
SELECT found.record_id, found.filemaker_id, NULL::uuid AS nexus_id, found.field, found.detail, found.entity
FROM nexus_staging.value_finding AS found
WHERE found.check_id = 'phase_0/ids_and_names_agree'
ORDER BY found.entity, found.field, found.record_id;
