-- Purpose: the journal of the import: runs, attempts, steps, findings, plans, approvals, publications and what
--          each published row looked like. It is the only truth about a run; task states and XComs prove nothing.
-- Parameters: none. Result: none. May run again.

CREATE TABLE IF NOT EXISTS nexus_import.run (
    run_id text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    trigger_kind text NOT NULL,
    triggered_by text,
    parameters jsonb NOT NULL,
    state text NOT NULL DEFAULT 'running',
    verdict text,
    closed_at timestamptz
);

CREATE TABLE IF NOT EXISTS nexus_import.attempt (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    trigger_kind text NOT NULL,
    requested_by text,
    parameters jsonb NOT NULL,
    refused_because text
);

CREATE TABLE IF NOT EXISTS nexus_import.step (
    step_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    name text NOT NULL,
    task_id text NOT NULL,
    try_number integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    passed boolean NOT NULL,
    record_count bigint NOT NULL,
    error_count bigint NOT NULL,
    counts jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS step_run_name ON nexus_import.step (run_id, name, step_id DESC);

-- Why a task failed, in its own sentence, and the task which that sentence says to clear.
CREATE TABLE IF NOT EXISTS nexus_import.failure (
    run_id text NOT NULL,
    task_id text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sentence text NOT NULL,
    clear_task text,
    PRIMARY KEY (run_id, task_id)
);

CREATE TABLE IF NOT EXISTS nexus_import.backup (
    run_id text NOT NULL,
    attempt integer NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    manifest_key text NOT NULL,
    manifest_sha256 text NOT NULL,
    table_count integer NOT NULL,
    row_count bigint NOT NULL,
    byte_count bigint NOT NULL,
    change_marks jsonb NOT NULL,
    PRIMARY KEY (run_id, attempt)
);

CREATE TABLE IF NOT EXISTS nexus_import.snapshot (
    run_id text NOT NULL,
    entity text NOT NULL,
    attempt integer NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    manifest_key text NOT NULL,
    manifest_sha256 text NOT NULL,
    record_count bigint NOT NULL,
    is_absent boolean NOT NULL DEFAULT false,   -- FileMaker has no such layout, and the mapping allows that
    PRIMARY KEY (run_id, entity, attempt)
);

CREATE TABLE IF NOT EXISTS nexus_import.finding (
    finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    check_id text NOT NULL,
    severity text NOT NULL,
    entity text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    record_id text,
    filemaker_id text,
    nexus_id uuid,
    field text,
    detail text
);
CREATE INDEX IF NOT EXISTS finding_run_check ON nexus_import.finding (run_id, check_id);

CREATE TABLE IF NOT EXISTS nexus_import.check_result (
    run_id text NOT NULL,
    check_id text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    title text NOT NULL,
    severity text NOT NULL,
    finding_count bigint NOT NULL,
    allowed_count bigint NOT NULL,
    is_passed boolean NOT NULL,
    sentence text NOT NULL,
    PRIMARY KEY (run_id, check_id)
);

CREATE TABLE IF NOT EXISTS nexus_import.plan (
    plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    digest text NOT NULL,
    counts json NOT NULL,   -- json keeps the tables in their order
    unusual jsonb NOT NULL,
    summary json NOT NULL   -- the plan in counts; stays when its rows are removed
);

CREATE TABLE IF NOT EXISTS nexus_import.plan_row (
    plan_id bigint NOT NULL REFERENCES nexus_import.plan (plan_id) ON DELETE CASCADE,
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    action text NOT NULL CHECK (action IN ('add', 'change', 'remove')),
    changed_columns text[] NOT NULL,
    overwritten_columns text[] NOT NULL,   -- values that staff changed since the last publish, and that go
    PRIMARY KEY (plan_id, table_name, row_id)
);

-- What becomes of the rows that FileMaker does not hold, also of those that the plan leaves alone.
CREATE TABLE IF NOT EXISTS nexus_import.plan_fate (
    plan_id bigint NOT NULL REFERENCES nexus_import.plan (plan_id) ON DELETE CASCADE,
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    filemaker_id text,
    fate text NOT NULL,
    reason text NOT NULL,
    detail text,
    PRIMARY KEY (plan_id, table_name, row_id)
);

CREATE TABLE IF NOT EXISTS nexus_import.approval (
    approval_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    plan_digest text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer text,
    answered_at timestamptz,
    answered_by text,
    says_now boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS nexus_import.publication (
    run_id text NOT NULL,
    plan_digest text NOT NULL,
    plan_id bigint NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    counts jsonb NOT NULL,
    transaction_id bigint NOT NULL,
    table_columns jsonb NOT NULL,   -- what a row of before_image consists of: table -> [[column, type], ...]
    preserved jsonb NOT NULL,
    verified_at timestamptz,
    undone_at timestamptz,
    undone_by text,
    PRIMARY KEY (run_id, plan_digest),
    UNIQUE (plan_id)
);

-- The row as it was before the publish, for the undo. Holds health data: never read by a log or a report.
CREATE TABLE IF NOT EXISTS nexus_import.before_image (
    plan_id bigint NOT NULL,
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    action text NOT NULL,
    before_row text,
    after_digest text,
    left_because text,              -- why an undo left the row alone
    PRIMARY KEY (plan_id, table_name, row_id)
);

-- Entries of published_row and identity as they were before the publish; NULL where there was none.
CREATE TABLE IF NOT EXISTS nexus_import.memory_image (
    plan_id bigint NOT NULL,
    memory text NOT NULL CHECK (memory IN ('published_row', 'identity')),
    key text NOT NULL,
    before_entry text,
    PRIMARY KEY (plan_id, memory, key)
);

-- Digests of the FileMaker values that the last publish gave to each row: who changed what since.
CREATE TABLE IF NOT EXISTS nexus_import.published_row (
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    digests jsonb NOT NULL,
    PRIMARY KEY (table_name, row_id)
);

-- Which Nexus row a FileMaker record became; kept for tables that have no column for the FileMaker id.
CREATE TABLE IF NOT EXISTS nexus_import.identity (
    entity text NOT NULL,
    filemaker_id text NOT NULL,
    nexus_id uuid NOT NULL,
    matched_by text NOT NULL,
    PRIMARY KEY (entity, filemaker_id),
    UNIQUE (entity, nexus_id)
);

-- The evidence by which a document or an image batch was given its patient.
CREATE TABLE IF NOT EXISTS nexus_import.relink_decision (
    run_id text NOT NULL,
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    patient_id uuid,
    evidence text,
    disagreeing text[] NOT NULL,
    PRIMARY KEY (run_id, table_name, row_id)
);
