-- Purpose: what the report page looks up by, so that it is as quick after 200 runs as after the first.
-- Parameters: none. Result: none. May run again.

CREATE INDEX IF NOT EXISTS run_started ON nexus_import.run (started_at DESC, run_id DESC);
CREATE INDEX IF NOT EXISTS attempt_run ON nexus_import.attempt (run_id, attempt_id);
CREATE INDEX IF NOT EXISTS plan_run ON nexus_import.plan (run_id, plan_id DESC);
CREATE INDEX IF NOT EXISTS approval_run ON nexus_import.approval (run_id, approval_id DESC);
CREATE INDEX IF NOT EXISTS plan_row_action ON nexus_import.plan_row (plan_id, table_name, action, row_id);
