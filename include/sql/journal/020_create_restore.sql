-- Purpose: the journal of the restore: who asked for which backup, or for which publish to be undone, what that would
--          change, and what was put back. The answers of people stand in nexus_import.approval, as those to a plan of
--          the import do.
-- Parameters: none. Result: none. May run again.

CREATE TABLE IF NOT EXISTS nexus_import.restore_run (
    run_id text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text,
    parameters jsonb NOT NULL,
    manifest_key text,
    manifest_sha256 text,
    undone_plan_id bigint,          -- the publish to undo, where that was chosen and not a backup
    checked_at timestamptz,         -- when every object was found as the manifest says, or every row still kept
    state text NOT NULL DEFAULT 'running',
    verdict text,
    closed_at timestamptz
);

-- One comparison of the chosen backup with live Nexus, or one rehearsal of the undo. An approval names its digest.
CREATE TABLE IF NOT EXISTS nexus_import.restore_plan (
    restore_plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    scope text NOT NULL,            -- patient_data, everything; publish: what one publish wrote
    manifest_key text,
    manifest_sha256 text,
    undone_plan_id bigint,
    digest text NOT NULL,
    counts json NOT NULL,           -- json keeps the tables in their order
    notes jsonb NOT NULL,
    differences_key text,
    left_rows json NOT NULL DEFAULT '[]',   -- what an undo leaves alone: [table, id, why]
    CHECK ((manifest_key IS NULL) = (scope = 'publish') AND (undone_plan_id IS NULL) = (scope <> 'publish'))
);

-- What was put back; written in the transaction that did it. Working copies older than the newest are out of date.
CREATE TABLE IF NOT EXISTS nexus_import.restore (
    restore_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    restore_plan_id bigint NOT NULL UNIQUE,
    run_id text NOT NULL,
    restored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    scope text NOT NULL,
    manifest_key text,
    saved_manifest_key text,        -- the backup of what was there before: restoring it undoes this
    undone_plan_id bigint,
    counts json NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    verified_at timestamptz
);
