-- Purpose: the function by which the import holds tables still that it may only read.
-- Parameters: none. May run again; only reads.
-- Result: one row, or none where there is no such function: may this session's role call it, does it act as the owner of
--         the patients, and that owner's name.
SELECT has_function_privilege(pg_proc.oid, 'EXECUTE') AS can_call,
       prosecdef AND pg_proc.proowner = patients.relowner AS acts_as_owner,
       pg_get_userbyid(patients.relowner)::text AS owner
FROM pg_proc
JOIN pg_namespace ON pg_namespace.oid = pronamespace
JOIN pg_class AS patients ON patients.oid = to_regclass('public.patients')
WHERE nspname = 'nexus_import' AND proname = 'hold_still' AND pg_get_function_identity_arguments(pg_proc.oid) = 'table_name text'
