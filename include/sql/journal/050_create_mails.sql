-- Purpose: the part of the journal that keeps people from being mailed twice for one event.
-- Parameters: none. Result: none. May run again.

CREATE TABLE IF NOT EXISTS nexus_import.mail (
    run_id text NOT NULL,
    event text NOT NULL,            -- 'started', 'question <plan digest> <answers before it>', 'end <report>' ...
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, event)
);
