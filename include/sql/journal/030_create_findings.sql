-- Purpose: the part of the journal that people work through: what the policy let pass, what became of every record that
--          was read, and what a finding says to the person who mends it.
-- Parameters: none. Result: none. May run again.

-- Checks that passed only because the policy is milder than they are, in the runs that made use of it.
CREATE TABLE IF NOT EXISTS nexus_import.relaxation (
    run_id text NOT NULL,
    check_id text NOT NULL,
    what text NOT NULL CHECK (what IN ('severity', 'allowance', 'mapping')),
    decided_by text NOT NULL,       -- the section of the policy, or the mapping
    finding_count bigint NOT NULL,
    allowed_count bigint,           -- of an allowance
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, check_id, what)
);

-- For each entity: read = created + updated + unchanged + skipped + rejected + unexplained, the last of which is 0.
CREATE TABLE IF NOT EXISTS nexus_import.balance (
    run_id text NOT NULL,
    entity text NOT NULL,
    what text NOT NULL CHECK (what IN ('read', 'created', 'updated', 'unchanged', 'skipped', 'rejected', 'unexplained')),
    reason text NOT NULL DEFAULT '',   -- of what was skipped and rejected
    record_count bigint NOT NULL,
    PRIMARY KEY (run_id, entity, what, reason)
);

-- A journal of before these columns gets them; ALTER TABLE would wait for every run at work if it came unasked.
DO $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT wanted.table_name, wanted.column_name, wanted.definition
        FROM (VALUES
            ('finding', 'layout', 'text'),
            ('finding', 'clinic', 'text'),          -- the name of the record's clinic in Nexus, where it is known
            ('finding', 'suggestion', 'text'),
            -- the same number in every run that finds this in this record and field: 64 bits of check, entity, record
            -- (else row) and field, which two different findings of a run of 50,000 share once in 10^10 runs
            ('finding', 'same_as', 'bigint GENERATED ALWAYS AS (hashtextextended('
                'check_id || chr(31) || entity || chr(31)'
                ' || COALESCE(record_id, nexus_id::text, filemaker_id, detail, '''')'
                ' || chr(31) || COALESCE(field, ''''), 0)) STORED'),
            ('check_result', 'todo', 'text NOT NULL DEFAULT ''''')
        ) AS wanted (table_name, column_name, definition)
        WHERE NOT EXISTS (
            SELECT FROM information_schema.columns AS present
            WHERE present.table_schema = 'nexus_import'
              AND present.table_name = wanted.table_name
              AND present.column_name = wanted.column_name
        )
    LOOP
        EXECUTE format(
            'ALTER TABLE nexus_import.%I ADD COLUMN %I %s',
            missing.table_name, missing.column_name, missing.definition
        );
    END LOOP;
END $$;
