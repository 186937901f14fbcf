"""A run moved by hand: the library's own functions on a real Nexus, without Airflow and without FileMaker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from nexus_import.core.sequence import PLAN, SEQUENCE
from nexus_import.nexus.backup import Backup, record_backup
from nexus_import.nexus.journal import StepRecord, create_journal, record_step
from nexus_import.nexus.links import read_links, store_links
from nexus_import.nexus.plan import Plan, make_plan
from nexus_import.nexus.publish import Publication, PublishRequest, publish
from nexus_import.nexus.session import SESSION_OPTIONS
from nexus_import.nexus.staging import lock_staging
from nexus_import.nexus.working_copy import Stamp, copy_tables
from nexus_import.settings import Policy, load_policy
from psycopg import Connection

from local.nexus_database import IMPORT_ROLE, RESTORE_ROLE
from tests.nexus import live_rows
from tests.support.installation import Installation, Parts, start_installation

POLICY: Policy = load_policy(Path(__file__).resolve().parents[2] / "include" / "policy.yaml")
TABLES = POLICY.copied_tables
OPERATOR = POLICY.operators[0]
STARTED = datetime(2026, 3, 7, 14, tzinfo=UTC)
STAGE_RUN = "manual__stage"
GONE = "90000000-0000-4000-8000-000000000001"
"""A patient that nothing refers to."""
STAYS = "90000000-0000-4000-8000-000000000002"
"""A patient with the appointments FIRST and SECOND."""
FIRST, FIRST_EVENT = "90000000-0000-4000-8000-000000000003", "90000000-0000-4000-8000-0000000000f3"
SECOND, SECOND_EVENT = "90000000-0000-4000-8000-000000000004", "90000000-0000-4000-8000-0000000000f4"
ADDED = "90000000-0000-5000-8000-000000000005"
"""The note that `ManualRun.edit` adds."""


@contextmanager
def open_importer(installation: Installation) -> Iterator[Connection[Any]]:
    """Yield a connection of the import's role with the session that the tasks have."""
    uri = installation.database.uri(IMPORT_ROLE)
    with psycopg.connect(uri, autocommit=True, options=SESSION_OPTIONS) as connection:
        yield connection


@contextmanager
def open_restorer(installation: Installation) -> Iterator[Connection[Any]]:
    """Yield a connection of the restore's role, with the session that its tasks and its command line have."""
    uri = installation.database.uri(RESTORE_ROLE)
    with psycopg.connect(uri, autocommit=True, options=SESSION_OPTIONS) as connection:
        yield connection


@dataclass
class ManualRun:
    """One run's working copy, journal, plan and publish."""

    installation: Installation
    connection: Connection[Any]
    run_id: str = field(default_factory=lambda: f"manual__{uuid.uuid4().hex}")

    def copy(self) -> Stamp:
        """Make the working copy, standing on a backup that the journal has."""
        with self.connection.transaction():
            create_journal(self.connection)
            lock_staging(self.connection, self.run_id)
            stamp = copy_tables(self.connection, self.run_id, TABLES, POLICY.preserved, 1)
            store_links(self.connection, read_links(self.connection, POLICY.data_policy()), POLICY.data_policy())
            if stamp.copy_number == 1:
                record_backup(self.connection, Backup(self.run_id, 1, "key", "digest", 1, 1, 1, {}))
        return stamp

    def work(self, statement: str, *values: Any) -> int:
        """Change the working copy as a phase would; return the rows touched."""
        return self.connection.execute(statement.encode(), values).rowcount

    def edit(self) -> None:
        """Let the working copy differ: one patient gone, one changed, two event ids swapped, a note more."""
        self.work("DELETE FROM nexus_work.patients WHERE id = %s", GONE)
        self.work("UPDATE nexus_work.patients SET title = 'Dr' WHERE id = %s", STAYS)
        self.work("UPDATE nexus_work.appointments SET filemaker_event_id = %s WHERE id = %s", SECOND_EVENT, FIRST)
        self.work("UPDATE nexus_work.appointments SET filemaker_event_id = %s WHERE id = %s", FIRST_EVENT, SECOND)
        self.work(
            "INSERT INTO nexus_work.notes (id, patient_id, note_type, content, created_at, updated_at)"
            " VALUES (%s, %s, 'other', 'new', %s, %s)",
            *(ADDED, STAYS, STARTED, STARTED),
        )

    def plan(self) -> Plan:
        """Write all steps as passed, and make the plan as the last of them."""
        for step in SEQUENCE:
            self.record(step.name)
        with self.connection.transaction():
            plan = make_plan(self.connection, self.run_id, TABLES)
            self.record(PLAN.name)
        return plan

    def record(self, name: str, *, passed: bool = True) -> None:
        """Write one step to the journal."""
        record_step(self.connection, StepRecord(self.run_id, name, f"task.{name}", 1, STARTED, passed=passed))

    def publish(self, needs_approval: Callable[[Plan], bool] = lambda plan: False) -> Publication:
        """Publish the latest plan."""
        return publish(self.connection, PublishRequest(self.run_id, POLICY.operators, [], needs_approval))

    def answer(self, plan: Plan, answer: str = "Approve", who: str | None = OPERATOR) -> None:
        """Answer the question about a plan."""
        self.connection.execute(
            "INSERT INTO nexus_import.approval (run_id, plan_digest, answer, answered_at, answered_by)"
            " VALUES (%s, %s, %s, clock_timestamp(), %s)",
            (self.run_id, plan.digest, answer, who),
        )


def make_stage(installation: Installation) -> None:
    """Add the rows that the tests move to live Nexus, and make a working copy of it for the run `STAGE_RUN`."""
    live_rows.add_patient(installation, id=GONE)
    live_rows.add_patient(installation, id=STAYS)
    for appointment, event in ((FIRST, FIRST_EVENT), (SECOND, SECOND_EVENT)):
        live_rows.add_appointment(installation, STAYS, id=appointment, filemaker_event_id=event)
    with open_importer(installation) as connection:
        ManualRun(installation, connection, STAGE_RUN).copy()


@contextmanager
def start_run(parts: Parts, stage: str) -> Iterator[ManualRun]:
    """Yield the run of `stage` in a database of its own, with a connection of the import's role."""
    with start_installation(parts, stage) as installation, open_importer(installation) as connection:
        yield ManualRun(installation, connection, STAGE_RUN)
