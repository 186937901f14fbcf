-- Purpose: what the role of this session may do beside reading and writing rows, and what it may do in our schemas.
-- Parameters: none. May run again; only reads.
-- Result: one row. `may_make_in` are the places where it may create tables or schemas and has no business to; `schemas`
--         those of the import's schemas that are there, `own_schemas` those in which it may create tables.
SELECT current_user::text AS role,
       rolcreaterole AS can_create_roles,
       rolcreatedb AS can_create_databases,
       rolreplication AS can_replicate,
       array_remove(ARRAY[
           CASE WHEN has_schema_privilege('public', 'CREATE') AND NOT (is_member AND import_makes_tables)
                THEN 'schema public' END,
           CASE WHEN has_database_privilege(current_database(), 'CREATE') AND NOT (is_member AND import_makes_schemas)
                THEN 'database ' || current_database() END
       ], NULL) AS may_make_in,
       has_database_privilege(current_database(), 'TEMPORARY') AS can_make_temporary,
       COALESCE((SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace
                 WHERE nspname IN ('nexus_import', 'nexus_staging', 'nexus_work')), '{{}}') AS schemas,
       COALESCE((SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace
                 WHERE nspname IN ('nexus_import', 'nexus_staging', 'nexus_work')
                   AND has_schema_privilege(oid, 'CREATE')), '{{}}') AS own_schemas,
       is_member AS is_import
FROM pg_roles
-- what a member has of the import's role is said of the import alone
CROSS JOIN LATERAL (
    SELECT COALESCE(bool_or(pg_has_role(current_user, oid, 'MEMBER')), false) AS is_member,
           COALESCE(bool_or(rolname <> current_user AND has_schema_privilege(oid, 'public', 'CREATE')), false)
           AS import_makes_tables,
           COALESCE(bool_or(rolname <> current_user AND has_database_privilege(oid, current_database(), 'CREATE')), false)
           AS import_makes_schemas
    FROM pg_roles WHERE rolname = 'nexus_import'
) AS of_import
WHERE rolname = current_user
