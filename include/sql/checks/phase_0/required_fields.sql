-- title: Every field that the mapping requires has a value that can be read
-- entity: patient
-- severity: stop
-- group: completeness
-- count_by: detail
-- todo: Fill these fields in FileMaker, or take required out of include/mapping
SELECT found.record_id, found.filemaker_id, NULL::uuid AS nexus_id, found.field, found.detail, found.entity
FROM nexus_staging.value_finding AS found
WHERE found.check_id = 'phase_0/required_fields'
ORDER BY found.entity, found.field, found.record_id;
