-- title: Notes that earlier imports copied more than once
-- entity: note
-- severity: warn
-- todo: Delete the surplus copies in Nexus; the import keeps them
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, surplus.id AS nexus_id,
       NULL::text AS field, 'surplus copy' AS detail
FROM nexus_work.notes AS surplus
WHERE NOT EXISTS (
    SELECT FROM nexus_work.identity AS identity WHERE identity.entity = 'note' AND identity.nexus_id = surplus.id
)
AND EXISTS (
    SELECT FROM nexus_work.notes AS imported
    JOIN nexus_work.identity AS identity ON identity.entity = 'note' AND identity.nexus_id = imported.id
    WHERE imported.patient_id = surplus.patient_id AND md5(btrim(regexp_replace(imported.content, E'\r\n?', E'\n', 'g'), E' \t\n')) = md5(btrim(regexp_replace(surplus.content, E'\r\n?', E'\n', 'g'), E' \t\n'))
);
