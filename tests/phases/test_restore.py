"""The restore's DAG on real parts: an import, a restore of its backup, and imports after that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.nexus.live_rows import add_note, add_patient
from tests.support.restore_runs import make_restore_run
from tests.support.runs import Run, load_dag

RestoreRuns = Callable[..., Run]
COMPARE = "compare.compare_with_live"
RESTORE = "restore.restore_tables"
MEMORY = (
    "SELECT (SELECT json_agg(i ORDER BY entity, filemaker_id)::text FROM nexus_import.identity AS i),"
    " (SELECT json_agg(p ORDER BY table_name, row_id)::text FROM nexus_import.published_row AS p)"
)


@pytest.fixture(scope="session")
def restore_dag() -> Any:
    return load_dag("restore_backup")


@pytest.fixture
def new_restore(installation: Any, restore_dag: Any) -> RestoreRuns:
    """Restores of the installation in which `new_run` makes its imports."""
    return lambda **params: make_restore_run(installation, restore_dag, **params)


@pytest.fixture
def backed_up(copy_run: Any) -> Iterator[Any]:
    """An installation in which an import took its backup, and did no more."""
    with copy_run() as run:
        yield run


@pytest.fixture
def restore_of(backed_up: Any, restore_dag: Any) -> RestoreRuns:
    """Restores of that installation."""
    return lambda **params: make_restore_run(backed_up.installation, restore_dag, **params)


def plan_counts(run: Any) -> dict[str, int]:
    counts: dict[str, int] = run.results["publish.make_plan"]
    return {name: counts[name] for name in ("added_count", "changed_count", "removed_count")}


def test_import_that_was_restored_away_is_planned_again_the_same_and_a_second_one_plans_nothing(
    installation: Any, new_run: Any, new_restore: RestoreRuns
) -> None:
    before = installation.live()
    first = new_run().go()
    assert first.is_green, first.last_words
    after, memory_after, content_after = installation.live(), installation.rows(MEMORY), content_of(installation)
    assert after != before

    restore = new_restore(mode="restore", backup=first.run_id).go()
    assert restore.errors == {}
    assert restore.is_green
    assert installation.live() == before
    assert installation.rows(MEMORY) == [(None, None)]

    # the journal knows that the first publish is not there any more
    first.clear("publish.publish_plan").go()
    undone_by = f"was published and then undone by the restore of backup {first.run_id}/001"
    assert undone_by in str(first.errors["publish.publish_plan"])
    assert installation.live() == before

    again = new_run().go()
    assert again.is_green, again.last_words
    assert plan_counts(again) == plan_counts(first)
    assert content_of(installation) == content_after
    assert installation.rows(MEMORY) == memory_after

    second = new_run().go()
    assert second.is_green
    assert plan_counts(second) == {"added_count": 0, "changed_count": 0, "removed_count": 0}

    undone = new_restore(mode="restore", backup=restore.run_id).go()
    assert undone.is_green, undone.last_words
    assert installation.live() == after
    assert installation.rows(MEMORY) == memory_after
    held = "SELECT run_id FROM nexus_import.publication WHERE undone_at IS NULL"
    assert installation.rows(held) == [(first.run_id,)]


def content_of(installation: Any) -> dict[str, str]:
    """Return a digest of each table's rows without the time of the publish that wrote them."""
    query = (
        "SELECT md5(string_agg(row, '|' ORDER BY row)) FROM (SELECT"
        " (to_jsonb(t) - ARRAY['created_at', 'updated_at'])::text AS row FROM public.{} AS t) AS rows"
    )
    return {table: str(installation.value(query.format(table))) for table in installation.live()}


def test_import_whose_copy_is_older_than_a_restore_does_not_publish(
    installation: Any, new_run: Any, new_restore: RestoreRuns
) -> None:
    assert new_run().go().is_green
    note = installation.value("SELECT nexus_id FROM nexus_import.identity WHERE entity = 'note' LIMIT 1")
    late = new_run().go(until="publish.decide")
    assert late.results["publish.decide"] == "publish.publish_plan"
    # a row that no plan touches: only the restore itself makes the copy out of date
    installation.execute("UPDATE notes SET content = 'typed by staff' WHERE id = %s", note)
    restore = new_restore(mode="restore").go()
    assert restore.is_green, restore.last_words
    before, memory = installation.live(), installation.rows(MEMORY)
    late.go()
    assert not late.is_green
    assert "was restored from a backup since it was copied" in str(late.errors["publish.publish_plan"])
    assert "Clear phase_1_preserve.copy_tables with downstream." in late.last_words
    assert installation.live() == before
    assert installation.rows(MEMORY) == memory
    late.clear("phase_1_preserve.copy_tables").go()
    assert late.is_green, late.last_words


def test_rehearsal_checks_and_compares_and_changes_nothing(
    backed_up: Any, restore_of: RestoreRuns, caplog: pytest.LogCaptureFixture
) -> None:
    patient = add_patient(backed_up.installation, last_name="Secretname")
    before = backed_up.installation.live()
    with caplog.at_level(logging.INFO, "nexus_import"):
        run = restore_of().go()
    assert run.is_green
    assert backed_up.installation.live() == before
    assert run.states[RESTORE] == "skipped"
    assert run.questions == []
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith(f"Backup: {backed_up.run_id}/001  ") for line in lines)
    assert "patients: 1 added since the backup, would go" in lines
    assert run.results[COMPARE] == {"added_count": 1, "changed_count": 0, "removed_count": 0}
    assert "Secret" not in "\n".join(lines)
    listed = [key for key in store_keys(backed_up.installation) if run.run_id in key]
    assert [key.rsplit("/", 1)[1] for key in listed] == ["differences.csv"]
    assert patient.encode() in backed_up.installation.s3().get_object(Bucket="nexus", Key=listed[0])["Body"].read()


def store_keys(installation: Any) -> list[str]:
    pages = installation.s3().get_paginator("list_objects_v2").paginate(Bucket="nexus", Prefix="nexus-import/restores/")
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def test_nothing_to_restore_asks_nobody(restore_of: RestoreRuns) -> None:
    run = restore_of(mode="restore", scope="everything").go()
    assert run.is_green
    assert run.questions == []
    assert run.results["end.outcome"] == "identical"


@pytest.mark.parametrize(
    ("answer", "said"), [("Reject", "Rejected by admin"), ("Timed out", "Nobody answered in time")]
)
def test_what_is_not_approved_is_not_restored(backed_up: Any, restore_of: RestoreRuns, answer: str, said: str) -> None:
    add_patient(backed_up.installation)
    before = backed_up.installation.live()
    run = restore_of(mode="restore")
    run.answer = answer
    run.go()
    assert not run.is_green
    assert run.last_words.startswith(f"❌ {said}. Live Nexus is unchanged. Clear {COMPARE} with downstream.")
    assert "| patients | 1 | 0 | 0 |" in run.questions[0]
    assert backed_up.installation.live() == before


def test_staff_write_between_question_and_restore_is_not_lost_unseen(backed_up: Any, restore_of: RestoreRuns) -> None:
    patient = add_patient(backed_up.installation)
    run = restore_of(mode="restore").go(until="restore.approve_restore")
    add_note(backed_up.installation, patient, "written meanwhile")
    before = backed_up.installation.live()
    run.go()
    assert not run.is_green
    assert "notes (now 1 added; shown none)" in str(run.errors[RESTORE])
    assert f"Clear {COMPARE} with downstream." in run.last_words
    assert backed_up.installation.live() == before
    run.clear(COMPARE).go()
    assert run.is_green
    assert len(run.questions) == 2
    assert backed_up.installation.value("SELECT count(*) FROM notes WHERE patient_id = %s", patient) == 0


def test_who_is_no_operator_is_refused_and_recorded(backed_up: Any, restore_of: RestoreRuns) -> None:
    run = restore_of(mode="restore")
    run.who = "vera"
    run.go()
    assert "'vera' may not restore a backup: only admin may" in str(run.errors["start.record_attempt"])
    assert run.last_words.endswith("Ask an operator to trigger the restore.")
    refused = backed_up.installation.rows(
        "SELECT requested_by, refused_because FROM nexus_import.attempt WHERE run_id = %s", run.run_id
    )
    assert [(who, "may not restore" in why) for who, why in refused] == [("vera", True)]
    assert backed_up.installation.rows("SELECT * FROM nexus_import.restore_run") == []


def test_question_that_was_marked_as_answered_by_hand_is_not(backed_up: Any, restore_of: RestoreRuns) -> None:
    add_patient(backed_up.installation)
    run = restore_of(mode="restore").go(until="compare.decide")
    run.states["restore.approve_restore"] = "success"
    run.go()
    assert "needs the approval of a person and has none" in str(run.errors[RESTORE])
    assert f"Clear {COMPARE} with downstream." in run.last_words


def test_unknown_parameter_value_is_refused_with_its_name(restore_of: RestoreRuns) -> None:
    run = restore_of(scope="half")
    run.go()
    assert "parameters: scope" in str(run.errors["start.record_attempt"])


def test_no_backup_at_all_is_said(restore_of: RestoreRuns) -> None:
    run = restore_of(backup="nobody/007").go()
    assert "There is no backup 'nobody/007'" in str(run.errors["backup.choose_backup"])
    assert "Clear backup.choose_backup with downstream." in run.last_words


def test_nexus_that_lost_a_table_ends_red_and_names_it_with_its_rows(backed_up: Run, restore_of: RestoreRuns) -> None:
    installation = backed_up.installation
    rows = installation.value("SELECT count(*) FROM sms_templates")
    installation.execute("DROP TABLE sms_templates CASCADE; DELETE FROM notes")
    before = installation.live()
    restore = restore_of(mode="restore", scope="everything").go()
    assert not restore.is_green
    assert restore.named_task == "backup.verify_checksums"
    assert "Live Nexus is unchanged" in restore.last_words
    (sentence,) = installation.rows("SELECT sentence FROM nexus_import.failure WHERE run_id = %s", restore.run_id)
    assert f"backup holds rows of: sms_templates ({rows} rows)" in sentence[0]
    assert installation.live() == before
