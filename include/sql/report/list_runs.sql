-- purpose: the runs of the import, newest first, each with the time its steps took together, what it found and planned.
-- parameters: before (NULL, or only runs that started no later than this one), size and skip, in runs.
-- Result: one row per run; `planned` is the newest plan's counts per table, NULL where no plan was made. Only reads.
SELECT run.run_id, run.started_at, run.state, run.parameters ->> 'mode' AS mode, run.triggered_by, run.verdict,
       (SELECT extract(epoch FROM sum(step.finished_at - step.started_at)) FROM nexus_import.step AS step
        WHERE step.run_id = run.run_id) AS seconds,
       (SELECT COALESCE(sum(result.finding_count), 0) FROM nexus_import.check_result AS result
        WHERE result.run_id = run.run_id) AS finding_count,
       (SELECT plan.counts FROM nexus_import.plan AS plan
        WHERE plan.run_id = run.run_id ORDER BY plan.plan_id DESC LIMIT 1) AS planned
FROM nexus_import.run AS run
WHERE %(before)s::timestamptz IS NULL OR run.started_at <= %(before)s
ORDER BY run.started_at DESC, run.run_id DESC
LIMIT %(size)s OFFSET %(skip)s;
