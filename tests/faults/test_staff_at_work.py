"""Staff write to live Nexus between plan and publish, in whole runs: nothing of theirs is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nexus_import.nexus.backup import find_damage
from nexus_import.settings import read_policy
from nexus_import.storage import ObjectStore

from tests.faults.troubles import published_count
from tests.nexus.live_rows import add_document, add_encounter, add_note
from tests.nexus.lost_rows import lose_patient, planned
from tests.support.copies import CopyRun, start_copy
from tests.support.installation import BUCKET, Installation, Parts
from tests.support.runs import Run

MAKE_PLAN = "publish.make_plan"
PUBLISH = "publish.publish_plan"
COPY = "phase_1_preserve.copy_tables"
PHASE_0 = "phase_0_validate."
GONE_WORDS = "refers to a row of patients that the plan removes"


@pytest.fixture(scope="module")
def made(copy_run: CopyRun) -> Iterator[Run]:
    """A run with a plan that adds and changes rows, and removes one patient whom FileMaker no longer has."""
    with copy_run() as run:
        gone = lose_patient(run.installation)
        run.answer = "Approve"
        run.go(until=MAKE_PLAN)
        assert planned(run, "remove") == {"patients": {gone}}
        assert planned(run, "change").keys() >= {"patients", "notes"}
        yield run


@pytest.fixture
def run(parts: Parts, made: Run) -> Iterator[Run]:
    with start_copy(parts, made) as copied:
        copied.questions = []
        yield copied


@pytest.fixture
def gone(run: Run) -> str:
    """The patient whom the plan removes."""
    (patient,) = planned(run, "remove")["patients"]
    return patient


def add_stored_document(installation: Installation, patient: str) -> str:
    """Add a document of a patient whose file is there: phase 8 looks for it. Return its id."""
    columns = ("s3_bucket", "s3_key", "file_size", "mime_type", "original_name", "file_name")
    ((*values,),) = installation.rows(
        f"SELECT {', '.join(columns)} FROM documents_document WHERE filemaker_id IS NULL LIMIT 1"
    )
    return add_document(installation, patient, **dict(zip(columns, values, strict=True)))


def require_backup_of_plan(run: Run) -> int:
    """Raise AssertionError unless S3 holds all of the backup that the plan stands on; return its number."""
    ((attempt, key, checksum),) = run.installation.rows(
        "SELECT attempt, manifest_key, manifest_sha256 FROM nexus_import.backup"
        " JOIN nexus_work.stamp ON backup.run_id = stamp.run_id AND attempt = backup_attempt WHERE backup.run_id = %s",
        run.run_id,
    )
    assert (
        find_damage(ObjectStore(run.installation.s3(), BUCKET, read_policy().storage.prefix, "AES256"), key, checksum)
        is None
    )
    return int(attempt)


def approvals(run: Run) -> list[tuple[Any, ...]]:
    """Return the answers about the run's plans, and whether the plan is the newest."""
    return run.installation.rows(
        "SELECT answer, plan_digest = (SELECT digest FROM nexus_import.plan WHERE plan.run_id = approval.run_id"
        " ORDER BY plan_id DESC LIMIT 1) FROM nexus_import.approval WHERE run_id = %s ORDER BY approval_id",
        run.run_id,
    )


def require_published(run: Run) -> None:
    """Raise AssertionError unless the run is green and all of its newest plan is in live Nexus and in the journal."""
    assert run.is_green, run.last_words
    assert published_count(run) == 1
    journal = (
        "SELECT publication.verified_at IS NOT NULL, verdict FROM nexus_import.publication"
        " JOIN nexus_import.run USING (run_id) WHERE run_id = %s AND plan_id ="
        " (SELECT max(plan_id) FROM nexus_import.plan WHERE plan.run_id = run.run_id)"
    )
    assert run.installation.rows(journal, run.run_id) == [(True, "Published and verified")]
    require_backup_of_plan(run)


def go_and_be_refused(run: Run, said: str) -> None:
    """Let the run go on to a publish that is refused and says this; nothing may have changed but what staff wrote."""
    before, backup = run.installation.live(), require_backup_of_plan(run)
    run.go()
    assert not run.is_green
    assert said in str(run.errors[PUBLISH])
    assert "Live Nexus is unchanged" in run.last_words
    assert run.named_task == COPY
    assert run.installation.live() == before
    assert published_count(run) == 0
    assert approvals(run) == [("Approve", True)]
    assert require_backup_of_plan(run) == backup


def go_on_as_it_says(run: Run) -> None:
    """Clear what the verdict names: another backup, copy and plan are made and published, and FileMaker is not read."""
    tries = {task: count for task, count in run.tries.items() if task.startswith(PHASE_0)}
    backup = require_backup_of_plan(run)
    run.clear(run.named_task).go()
    assert {task: count for task, count in run.tries.items() if task.startswith(PHASE_0)} == tries
    require_published(run)
    # what staff wrote is in the backup of the new plan, should it be needed
    assert require_backup_of_plan(run) > backup


def test_row_that_the_plan_does_not_touch_is_published_over_and_stays(run: Run, gone: str) -> None:
    installation = run.installation
    other = installation.value(
        "SELECT min(nexus_id::text) FROM (SELECT id AS nexus_id FROM notes EXCEPT SELECT row_id FROM"
        " nexus_import.plan_row) AS unplanned"
    )
    patient = installation.value("SELECT min(id::text) FROM patients WHERE id <> %s", gone)
    installation.execute("UPDATE notes SET content = 'meanwhile' WHERE id = %s", other)
    written = add_note(installation, patient, "new meanwhile")
    run.go()
    require_published(run)
    assert approvals(run) == [("Approve", True)]
    kept = installation.rows("SELECT content FROM notes WHERE id IN (%s, %s) ORDER BY 1", other, written)
    assert kept == [("meanwhile",), ("new meanwhile",)]
    assert installation.rows("SELECT FROM patients WHERE id = %s", gone) == []


def test_row_that_the_plan_changes_refuses_and_a_new_copy_publishes_both(run: Run, gone: str) -> None:
    installation = run.installation
    row = min(planned(run, "change")["patients"])
    installation.execute("UPDATE patients SET notes = 'meanwhile' WHERE id = %s", row)
    go_and_be_refused(
        run, f"1 rows that the plan touches changed in live Nexus since the copy: patients {row} (changed)"
    )
    go_on_as_it_says(run)
    # an answer about the first plan is none about the second
    assert approvals(run) == [("Approve", False), ("Approve", True)]
    assert row in planned(run, "change")["patients"]
    assert installation.value("SELECT notes FROM patients WHERE id = %s", row) == "meanwhile"
    assert installation.rows("SELECT FROM patients WHERE id = %s", gone) == []


@pytest.mark.parametrize(
    ("table", "add"),
    [
        ("notes", add_note),
        ("encounters", add_encounter),
        ("documents_document", add_stored_document),
    ],
)
def test_row_that_refers_to_a_patient_who_goes_refuses_and_keeps_him(
    run: Run, gone: str, table: str, add: Callable[[Installation, str], str]
) -> None:
    installation = run.installation
    row = add(installation, gone)
    go_and_be_refused(run, f"{table} {row} ({GONE_WORDS})")
    go_on_as_it_says(run)
    assert planned(run, "remove") == {}
    column = "object_id" if table == "documents_document" else "patient_id"
    assert str(installation.value(f"SELECT {column} FROM {table} WHERE id = %s", row)) == gone
    assert installation.rows("SELECT count(*) FROM patients WHERE id = %s", gone) == [(1,)]
