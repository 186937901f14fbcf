-- purpose: the map FileMaker record -> Nexus row that phases 2 to 7 fill; FileMaker ids are lower case.
-- parameters: none. Result: none. May run again after the copy was dropped.
CREATE TABLE nexus_work.identity (
    entity text NOT NULL,
    filemaker_id text NOT NULL,
    nexus_id uuid NOT NULL,
    matched_by text NOT NULL,
    PRIMARY KEY (entity, filemaker_id)
);
CREATE INDEX ON nexus_work.identity (entity, nexus_id);

CREATE TABLE nexus_work.former_patient (
    nexus_id uuid PRIMARY KEY,
    filemaker_id text NOT NULL
);
CREATE INDEX ON nexus_work.former_patient (filemaker_id);

CREATE TABLE nexus_work.decision (
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    by_metadata uuid,
    by_link uuid,
    by_record uuid,
    by_key uuid,
    patient_id uuid,
    evidence text,
    disagreeing text[] NOT NULL,
    PRIMARY KEY (table_name, row_id)
);

-- What becomes of each row that FileMaker does not hold, decided in phase 2. reason: vanished (FileMaker had it),
-- unusable (its record cannot be imported), duplicate (another row has its FileMaker id), nexus_only.
CREATE TABLE nexus_work.fate (
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    filemaker_id text,
    fate text NOT NULL CHECK (fate IN ('removed', 'archived', 'kept', 'cleared')),
    reason text NOT NULL CHECK (reason IN ('vanished', 'unusable', 'duplicate', 'nexus_only')),
    detail text,
    PRIMARY KEY (table_name, row_id)
);

-- Rows that have no FileMaker id yet and could be a record of FileMaker.
CREATE TABLE nexus_work.adoption_candidate (
    entity text NOT NULL,
    filemaker_id text NOT NULL,
    nexus_id uuid NOT NULL,
    staged_count bigint NOT NULL,
    live_count bigint NOT NULL
);

-- Documents and image batches that FileMaker's own records give to a patient it has.
CREATE TABLE nexus_work.placed_file (
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    PRIMARY KEY (table_name, row_id)
);

-- Rows that refer to one that would go; child_id is NULL where the row itself can never go.
CREATE TABLE nexus_work.reference (
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    child_table text NOT NULL,
    child_id uuid,
    through text NOT NULL
);

-- The columns that refer to copied tables, and what the policy lets become of a row whose link points at one that goes.
CREATE TABLE nexus_work.link (
    table_name text NOT NULL,
    columns text[] NOT NULL,
    parent_table text NOT NULL,
    parent_columns text[] NOT NULL,
    kind text NOT NULL,
    is_nullable boolean NOT NULL,
    is_text boolean NOT NULL,
    type_column text,
    model text,
    action text NOT NULL
);
