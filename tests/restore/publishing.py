"""A clinic to which an import has published, and what a test does to undo that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nexus_import.nexus.publications import Published, choose_publication, read_publications
from nexus_import.nexus.restore.records import (
    Restored,
    UndoPlan,
    open_restore,
    record_answer,
    record_choice_of_publish,
    record_question,
)
from nexus_import.nexus.restore.undoing import plan_undo, undo_as_planned
from psycopg import Connection

from tests.nexus.manual_run import OPERATOR, POLICY, STAGE_RUN, STAYS, ManualRun, make_stage, open_importer
from tests.support.installation import Parts, start_installation

DATA = POLICY.data_policy()


@contextmanager
def start_published(parts: Parts) -> Iterator[str]:
    """Yield the name of a database to which the run `STAGE_RUN` has published; nobody is connected to it."""
    with start_installation(parts) as installation:
        make_stage(installation)
        with open_importer(installation) as connection:
            run = ManualRun(installation, connection, STAGE_RUN)
            run.edit()
            run.plan()
            run.publish()
        yield installation.database.database


def publish_more(run: ManualRun) -> ManualRun:
    """Publish once more in the same Nexus, a change of a patient whom the first publish changed too; return the run."""
    later = ManualRun(run.installation, run.connection)
    later.copy()
    later.work("UPDATE nexus_work.patients SET title = 'Mx' WHERE id = %s", STAYS)
    later.plan()
    later.publish()
    return later


def newest(connection: Connection[Any]) -> Published:
    """Return the newest publish that Nexus holds."""
    return choose_publication(read_publications(connection), "newest")


def rehearse(connection: Connection[Any], run_id: str | None = None) -> UndoPlan:
    """Rehearse the undo of the newest publish, as a run of the restore does."""
    run_id = run_id or f"manual__{uuid.uuid4().hex}"
    chosen = newest(connection)
    with connection.transaction():
        open_restore(connection, run_id, OPERATOR, {})
        record_choice_of_publish(connection, run_id, chosen)
    return plan_undo(connection, run_id, chosen.plan_id, DATA)


def answer(connection: Connection[Any], plan: UndoPlan, answer: str = "Approve", who: str = OPERATOR) -> None:
    """Ask and answer as a person does."""
    with connection.transaction():
        record_question(connection, plan)
        record_answer(connection, plan.run_id, answer, who)


def undo(connection: Connection[Any], plan: UndoPlan) -> Restored:
    """Undo what was rehearsed."""
    return undo_as_planned(connection, plan, DATA, POLICY.operators)
