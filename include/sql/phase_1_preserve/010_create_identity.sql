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
