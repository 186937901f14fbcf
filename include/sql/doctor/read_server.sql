-- Purpose: which server and database a connection came to, how, and what time it is there.
-- Parameters: none. May run again; only reads.
-- Result: one row. `identity` is the same for two sessions of one database on one server; `is_encrypted` is NULL where
--         the server does not say, as behind a pooler.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS version_number,
       current_setting('server_encoding') AS encoding,
       current_database()::text AS database,
       current_user::text AS role,
       (SELECT oid::text FROM pg_database WHERE datname = current_database())
       || ' ' || extract(epoch FROM pg_postmaster_start_time())::text AS identity,
       (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS is_encrypted,
       pg_backend_pid() AS process_id,
       clock_timestamp() AS now
