-- title: Titles, phone numbers, e-mail addresses, post codes and other choices are usual ones
-- entity: patient
-- severity: warn
-- group: completeness
-- count_by: detail
-- todo: Look at these fields in FileMaker; a value from outside a list is not taken over, any other is stored as it is
SELECT found.record_id, found.filemaker_id, NULL::uuid AS nexus_id, found.field, found.detail, found.entity
FROM nexus_staging.value_finding AS found
WHERE found.check_id = 'phase_0/values_are_usual'
ORDER BY found.entity, found.field, found.record_id;
