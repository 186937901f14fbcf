-- Purpose: what the role of this session may do to each table of Nexus.
-- Parameters: {tables}, the query for oid and name of Nexus's tables. May run again; only reads.
-- Result: one row per table: name, and whether it may be read, written (all three) and written at all.
SELECT known.name,
       has_table_privilege(known.oid, 'SELECT') AS can_read,
       has_table_privilege(known.oid, 'INSERT') AND has_table_privilege(known.oid, 'UPDATE')
       AND has_table_privilege(known.oid, 'DELETE') AS can_write,
       has_table_privilege(known.oid, 'INSERT') OR has_table_privilege(known.oid, 'UPDATE')
       OR has_table_privilege(known.oid, 'DELETE') AS can_write_some
FROM ({tables}) AS known
JOIN pg_class ON pg_class.oid = known.oid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'public'
ORDER BY known.name
