-- purpose: undo an earlier try of this phase in the working copy, for one entity, so that clearing it is safe.
-- parameters: entity, work, before. Result: identities forgotten. May run again.
DELETE FROM {work} AS present
USING nexus_work.identity AS identity
WHERE identity.entity = {entity} AND identity.nexus_id = present.id;

-- Rows that were adopted stand again as Nexus has them, to be matched anew.
INSERT INTO {work}
SELECT former.*
FROM {before} AS former
JOIN nexus_work.identity AS identity ON identity.entity = {entity} AND identity.nexus_id = former.id
WHERE identity.matched_by = 'adopted';

DELETE FROM nexus_work.identity WHERE entity = {entity};
