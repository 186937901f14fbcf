"""The undo of a publish in the restore's DAG, on real parts: an import that published, undone, and imported again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nexus_import.errors import StorageError

from local.network import LOOPBACK, free_ports
from tests.nexus.live_rows import add_note
from tests.support.copies import start_copy
from tests.support.restore_runs import make_restore_run
from tests.support.runs import Run, load_dag

UndoRuns = Callable[..., Run]
CHOOSE = "backup.choose_backup"
CHECK = "backup.verify_checksums"
COMPARE = "compare.compare_with_live"
UNDO = "restore.restore_tables"
MEMORY = (
    "SELECT (SELECT json_agg(i ORDER BY entity, filemaker_id)::text FROM nexus_import.identity AS i),"
    " (SELECT json_agg(p ORDER BY table_name, row_id)::text FROM nexus_import.published_row AS p)"
)
STATE = "SELECT run_id, undone_by FROM nexus_import.publication"
ADDED = (
    "SELECT row_id::text FROM nexus_import.before_image WHERE table_name = %s AND action = %s ORDER BY row_id LIMIT 1"
)


@pytest.fixture(scope="module")
def restore_dag() -> Any:
    return load_dag("restore_backup")


@pytest.fixture(scope="module")
def original(parts: Any, run_past_gate_0: Run) -> Iterator[Run]:
    """An import that has published."""
    with start_copy(parts, run_past_gate_0) as run:
        run.go()
        assert run.is_green, run.last_words
        yield run


@pytest.fixture
def published(parts: Any, original: Run) -> Iterator[Run]:
    """A copy of it."""
    with start_copy(parts, original) as run:
        yield run


@pytest.fixture
def new_undo(published: Run, restore_dag: Any) -> UndoRuns:
    """Undos in its Nexus; of the newest publish, and done when a person approves, unless the test says otherwise."""

    def make(**params: Any) -> Run:
        return make_restore_run(published.installation, restore_dag, **({"undo": "newest", "mode": "restore"} | params))

    return make


def a_row(run: Run, table: str, action: str) -> str:
    """Return the id of a row that the publish added, changed or removed."""
    return str(run.installation.value(ADDED, table, action))


def plan_counts(run: Run) -> dict[str, int]:
    counts: dict[str, int] = run.results["publish.make_plan"]
    return {name: counts[name] for name in ("added_count", "changed_count", "removed_count")}


def test_rehearsal_lists_what_can_be_undone_and_changes_nothing(
    published: Run, new_undo: UndoRuns, caplog: pytest.LogCaptureFixture
) -> None:
    patient = a_row(published, "patients", "add")
    published.installation.execute("UPDATE patients SET last_name = 'Secretname' WHERE id = %s", patient)
    before = published.installation.live()
    with caplog.at_level(logging.INFO, "nexus_import"):
        run = new_undo(mode="rehearse").go()
    assert run.is_green, run.last_words
    assert run.results["end.outcome"] == "rehearsed"
    assert published.installation.live() == before
    assert run.states[UNDO] == "skipped"
    assert run.questions == []
    lines = [record.getMessage() for record in caplog.records]
    planned = plan_counts(published)
    assert any(line.startswith(f"Backup: {published.run_id}/001  ") for line in lines)
    [listed] = [line for line in lines if line.startswith(f"Publish: {published.run_id}  ")]
    assert listed.endswith(
        f" UTC  {planned['added_count']:,} added, {planned['changed_count']:,} changed, "
        f"{planned['removed_count']:,} removed (can be undone)"
    )
    assert f"Left alone: patients {patient}: changed since the publish" in lines
    assert any(line.startswith("patients: ") and "added by it, would go" in line for line in lines)
    left_count = sum(line.startswith("Left alone: ") for line in lines)
    assert run.results[COMPARE] | {"left_count": left_count} == run.results[COMPARE]
    undone_count = sum(run.results[COMPARE][name] for name in planned)
    assert undone_count + left_count == sum(planned.values())
    assert published.installation.value("SELECT verdict FROM nexus_import.restore_run") == (
        f"Rehearsed: the undo of the publish of run {published.run_id} would put {undone_count:,} rows back and leave "
        f"{left_count:,} alone, live Nexus is unchanged"
    )
    assert "Secret" not in "\n".join(lines)


def test_undone_all_is_as_before_and_the_next_import_plans_the_same(
    published: Run, run_past_gate_0: Run, new_undo: UndoRuns, new_import: Callable[[], Run]
) -> None:
    installation = published.installation
    memory_after, tables = installation.rows(MEMORY), set(installation.live())
    undo = new_undo().go()
    assert undo.is_green, undo.last_words
    assert undo.results["end.outcome"] == "undone"
    assert installation.live() == run_past_gate_0.installation.live()
    assert installation.rows(MEMORY) == run_past_gate_0.installation.rows(MEMORY)
    assert installation.rows(STATE) == [(published.run_id, "admin")]
    change_count = sum(plan_counts(published).values())
    verdict = installation.value("SELECT verdict FROM nexus_import.restore_run")
    assert verdict == (
        f"Undone and verified: the publish of run {published.run_id}, {change_count:,} rows put back, 0 left alone"
    )
    [question] = undo.questions
    assert f"{change_count:,} rows would be put back, 0 left alone." in question
    assert "Digest of what is shown: `" in question

    # the journal knows that the publish is not there any more
    published.clear("publish.publish_plan").go()
    assert "was published and then undone by admin" in str(published.errors["publish.publish_plan"])

    again = new_import().go()
    assert again.is_green, again.last_words
    assert plan_counts(again) == plan_counts(published)
    assert installation.rows(MEMORY) == memory_after
    assert set(installation.live()) == tables


@pytest.fixture
def new_import(published: Run, dag: Any) -> Callable[[], Run]:
    """Imports into the Nexus of the undo."""
    return lambda: Run(published.installation, dag, dict(published.params))


@pytest.mark.parametrize(
    ("answer", "said"), [("Reject", "Rejected by admin"), ("Timed out", "Nobody answered in time")]
)
def test_what_is_not_approved_is_not_undone(published: Run, new_undo: UndoRuns, answer: str, said: str) -> None:
    before = published.installation.live()
    run = new_undo()
    run.answer = answer
    run.go()
    assert not run.is_green
    assert run.last_words.startswith(f"❌ {said}. Live Nexus is unchanged. Clear {COMPARE} with downstream.")
    assert published.installation.live() == before
    assert published.installation.rows(STATE) == [(published.run_id, None)]


def test_row_that_staff_write_after_the_question_is_not_lost_unseen(published: Run, new_undo: UndoRuns) -> None:
    note = a_row(published, "notes", "add")
    run = new_undo().go(until="restore.approve_restore")
    published.installation.execute("UPDATE notes SET content = 'written meanwhile' WHERE id = %s", note)
    before = published.installation.live()
    run.go()
    assert not run.is_green
    assert "Live Nexus changed since the undo was rehearsed, in rows of notes that the publish" in str(run.errors[UNDO])
    assert f"Clear {COMPARE} with downstream." in run.last_words
    assert published.installation.live() == before
    run.clear(COMPARE).go()
    assert run.is_green, run.last_words
    assert len(run.questions) == 2
    assert f"- Left alone: notes {note}: changed since the publish" in run.questions[1]
    assert published.installation.value("SELECT content FROM notes WHERE id = %s", note) == "written meanwhile"


def test_question_that_was_marked_as_answered_by_hand_is_not(published: Run, new_undo: UndoRuns) -> None:
    run = new_undo().go(until="compare.decide")
    run.states["restore.approve_restore"] = "success"
    run.go()
    assert "This undo needs the approval of a person and has none" in str(run.errors[UNDO])
    assert published.installation.rows(STATE) == [(published.run_id, None)]


@pytest.mark.parametrize("task", [UNDO, COMPARE, CHOOSE])
def test_undo_that_is_done_and_cleared_again_is_recognised(published: Run, new_undo: UndoRuns, task: str) -> None:
    run = new_undo().go()
    done = published.installation.rows("SELECT restore_id, restored_at FROM nexus_import.restore")
    patient = published.installation.value("SELECT min(id::text) FROM patients")
    add_note(published.installation, patient, "written since")
    after = published.installation.live()
    run.clear(task).go()
    assert run.is_green, run.last_words
    assert run.results["end.outcome"] == "undone"
    assert len(run.questions) == 1
    assert published.installation.live() == after
    assert published.installation.rows("SELECT restore_id, restored_at FROM nexus_import.restore") == done


def test_publish_that_was_undone_already_is_green_and_says_by_whom(published: Run, new_undo: UndoRuns) -> None:
    assert new_undo().go().is_green
    again = new_undo(undo=published.run_id).go()
    assert again.is_green
    assert again.results["end.outcome"] == "identical"
    assert again.questions == []
    nothing = new_undo().go()
    assert "There is no publish to undo" in str(nothing.errors[CHOOSE])
    assert f"Clear {CHOOSE} with downstream." in nothing.last_words


def test_rows_that_retention_removed_stop_the_undo_before_anybody_is_asked(published: Run, new_undo: UndoRuns) -> None:
    with published.installation.importer() as importer:
        importer.execute("DELETE FROM nexus_import.before_image WHERE table_name = 'notes'")
    run = new_undo().go()
    assert "were removed by the policy's retention. Restore a backup instead." in str(run.errors[CHECK])
    assert f"Clear {CHOOSE} with downstream." in run.last_words
    assert run.questions == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"scope": "everything"}, "choose the scope patient_data, or restore a backup"),
        ({"backup": "some/001"}, "undo newest and backup some/001 cannot both be chosen"),
        ({"without_backup": True}, "leave without_backup off"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(new_undo: UndoRuns, params: dict[str, Any], said: str) -> None:
    run = new_undo(**params).go()
    assert said in str(run.errors["start.record_attempt"])
    assert said in run.last_words


def test_store_that_is_away_does_not_stop_an_undo(
    published: Run, new_undo: UndoRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = "AIRFLOW_CONN_NEXUS_S3"
    broken = json.loads(published.installation.environment()[name])
    broken["extra"]["service_config"]["s3"]["endpoint_url"] = f"http://{LOOPBACK}:{free_ports(1)[0]}"
    monkeypatch.setenv(name, json.dumps(broken))
    assert isinstance(new_undo(undo=None).go().errors[CHOOSE], StorageError)
    with caplog.at_level(logging.WARNING, "nexus_import"):
        run = new_undo().go()
    assert run.is_green, run.last_words
    assert "The backups cannot be listed: The object store failed to list" in caplog.text
    assert published.installation.rows(STATE) == [(published.run_id, "admin")]
