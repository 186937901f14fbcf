-- purpose: say of every staged record of one entity what became of it, by what stands in the working copy and not by what
--          was meant to happen: created, updated or unchanged where it is a row of its own, else rejected for a reason
--          that can be seen, else unexplained. What a rule of the mapping skipped is named by the rule.
-- parameters: entity, staging, work, before; is_changed (present differs from former), rejection (why it cannot be a row,
--             composed from the mapping). Result: records accounted for. Fills the table record_outcome; once per entity.
INSERT INTO pg_temp.record_outcome (entity, record_id, filemaker_id, what, reason)
WITH numbered AS (
    SELECT staged.*, row_number() OVER (PARTITION BY staged.filemaker_id ORDER BY staged.record_id) AS nth
    FROM {staging} AS staged
),
first_of_each_id AS (
    SELECT numbered.record_id, present.id AS row_id, former.id AS former_id, {is_changed} AS is_changed,
           row_number() OVER (PARTITION BY present.id ORDER BY numbered.record_id) AS nth_of_row
    FROM numbered
    JOIN nexus_work.identity AS identity
        ON identity.entity = {entity} AND identity.filemaker_id = numbered.filemaker_id
    JOIN {work} AS present ON present.id = identity.nexus_id
    LEFT JOIN {before} AS former ON former.id = identity.nexus_id
    WHERE numbered.nth = 1 AND identity.matched_by <> 'vanished'
),
a_row_of_its_own AS (
    SELECT record_id,
           CASE WHEN former_id IS NULL THEN 'created' WHEN is_changed THEN 'updated' ELSE 'unchanged' END AS what
    FROM first_of_each_id
    WHERE nth_of_row = 1
),
judged AS (
    SELECT staged.record_id, staged.filemaker_id_text, own.what,
           CASE WHEN own.record_id IS NOT NULL THEN NULL
                WHEN staged.filemaker_id IS NULL AND EXISTS (
                    SELECT FROM pg_temp.unreadable_value AS unreadable
                    WHERE unreadable.entity = {entity} AND unreadable.record_id = staged.record_id
                      AND unreadable.field = ANY({key_fields})
                ) THEN 'unreadable FileMaker id'
                WHEN staged.filemaker_id IS NULL THEN 'no FileMaker id'
                WHEN staged.nth > 1 THEN 'duplicate FileMaker id'
                ELSE {rejection} END AS rejected_because
    FROM numbered AS staged
    LEFT JOIN a_row_of_its_own AS own ON own.record_id = staged.record_id
)
SELECT {entity}, record_id, filemaker_id_text,
       COALESCE(what, CASE WHEN rejected_because IS NULL THEN 'unexplained' ELSE 'rejected' END),
       COALESCE(rejected_because, '')
FROM judged
UNION ALL
SELECT {entity}, record_id, filemaker_id, 'skipped', 'out of scope by the rule ' || scope
FROM nexus_staging.skipped
WHERE entity = {entity};
