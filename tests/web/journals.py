"""A journal as it is in each state of a run: what later phases wrote is taken out, what stopped it is put in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nexus_import.core.report_phases import TaskNow
from nexus_import.web.airflow_side import RunNow
from psycopg import Connection
from psycopg.types.json import Json, Jsonb

from bench.journal_filler import run_name

RUN = run_name(0)
LARGE_TABLES = 48
REASONS = 11
BROKEN = " break the rule (API_Contacts records 3, 103, 203 and more). Mend them in FileMaker."
Journal = Connection[Any]


def running(journal: Journal) -> RunNow:
    """Phase 4 is at work."""
    _forget_after(journal, 3)
    return RunNow("running", [TaskNow("phase_4_appointments.import_appointments", "running")])


def stopped(journal: Journal) -> RunNow:
    """The gate of phase 0 stopped the run."""
    _forget_after(journal, 0)
    journal.execute(
        "UPDATE nexus_import.check_result SET is_passed = false, sentence = check_id || ': ' || finding_count || %s"
        " WHERE run_id = %s AND check_id = ANY(%s)",
        (BROKEN, RUN, ["phase_0/rule_0", "phase_0/rule_1"]),
    )
    journal.execute("UPDATE nexus_import.step SET passed = false WHERE run_id = %s AND name = 'gate_0'", (RUN,))
    return RunNow("failed", [TaskNow("end.outcome", "failed")])


def failed_task(journal: Journal) -> RunNow:
    """A task failed with a sentence."""
    _forget_after(journal, 3)
    task = "phase_4_appointments.import_appointments"
    journal.execute(
        "INSERT INTO nexus_import.failure (run_id, task_id, sentence) VALUES (%s, %s, %s)",
        (
            RUN,
            task,
            "FileMaker did not answer within 30 s at layout API_Appointments (3 tries). Look at FileMaker Server.",
        ),
    )
    return RunNow("failed", [TaskNow(task, "failed")])


def table_name(number: int) -> str:
    """Return the name of a table of the large plan."""
    return f"clinical_records_of_kind_{number:02}" if number % 3 else f"kind_{number:02}"


def waiting(journal: Journal) -> RunNow:
    """A person is asked about a plan of many tables and thousands of rows."""
    counts, tables = {}, []
    for number in range(LARGE_TABLES):
        name = table_name(number)
        found = {"add": 1_000 + 37 * number, "change": 4_000 + number, "remove": number % 4 * 250}
        counts[name] = found
        tables.append(
            {
                "table": name,
                "added": found["add"],
                "changed": found["change"],
                "removed": found["remove"],
                "unchanged": 100_000,
                "columns": {f"column_with_a_long_name_{each}": 900 for each in range(6)},
            }
        )
    reasons = [f"{250 * number:,} rows of {table_name(number)} would go, more than 1 %" for number in range(REASONS)]
    journal.execute(
        "UPDATE nexus_import.plan SET counts = %s, unusual = %s, summary = %s WHERE run_id = %s",
        (Json(counts), Jsonb(reasons), Json({"tables": tables, "fates": []}), RUN),
    )
    journal.execute("DELETE FROM nexus_import.step WHERE run_id = %s AND name = 'publish'", (RUN,))
    return RunNow("running", [TaskNow("publish.approve_plan", "awaiting_input")])


def published(journal: Journal) -> RunNow | None:
    """The plan was published and verified, and Airflow has forgotten the run."""
    _publish(journal, "clock_timestamp()")
    journal.execute(
        "UPDATE nexus_import.run SET state = 'published', verdict = 'Published and verified' WHERE run_id = %s", (RUN,)
    )
    return None


def unverified(journal: Journal) -> RunNow:
    """The plan was published, and the look at live Nexus failed."""
    _publish(journal, "NULL")
    return RunNow("failed", [TaskNow("publish.verify_live", "failed")])


def rehearsed(journal: Journal) -> RunNow | None:
    """The run rehearsed."""
    return None


def queued(journal: Journal) -> RunNow:
    """The run has not begun: the journal does not know it."""
    journal.execute("DELETE FROM nexus_import.run WHERE run_id = %s", (RUN,))
    return RunNow("queued")


STATES: dict[str, Callable[[Journal], RunNow | None]] = {
    "Running: Phase 4: Import Appointments": running,
    "Stopped": stopped,
    "Stopped by a task": failed_task,
    "Waiting for you": waiting,
    "Published": published,
    "Published, but not verified": unverified,
    "Safe to publish": rehearsed,
    "Not started yet": queued,
}
"""By the headline that a person reads, or where two share one, by more than that."""


def _forget_after(journal: Journal, phase: int) -> None:
    """Take out what the run wrote after a phase."""
    journal.execute(
        "DELETE FROM nexus_import.step WHERE run_id = %s AND (task_id LIKE 'publish%%' OR substr(task_id, 7, 1) > %s)",
        (RUN, str(phase)),
    )
    journal.execute(
        "DELETE FROM nexus_import.check_result WHERE run_id = %s AND substr(check_id, 7, 1) > %s", (RUN, str(phase))
    )
    for table in ("plan", "balance"):
        journal.execute(f"DELETE FROM nexus_import.{table} WHERE run_id = %s".encode(), (RUN,))


def _publish(journal: Journal, verified_at: str) -> None:
    journal.execute(
        "INSERT INTO nexus_import.publication (run_id, plan_digest, plan_id, counts, transaction_id, table_columns,"
        f" preserved, verified_at) SELECT run_id, digest, plan_id, counts::jsonb, 1, '{{}}', '{{}}', {verified_at}"
        " FROM nexus_import.plan WHERE run_id = %s".encode(),
        (RUN,),
    )
