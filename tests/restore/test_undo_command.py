"""The undo from the command line: what an engineer does when Airflow, or the object store, is down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.restore import make_parser

from tests.nexus.manual_run import STAGE_RUN, STAYS, ManualRun
from tests.restore import shell
from tests.restore.publishing import publish_more
from tests.restore.scene import Scene, open_scene

NO_STORE = {"S3_BUCKET": "", "S3_ENDPOINT": ""}
STATE = "SELECT run_id, undone_by FROM nexus_import.publication ORDER BY published_at"


@pytest.fixture
def nexus(published: ManualRun) -> Iterator[Scene]:
    """A clinic to which the run `STAGE_RUN` has published."""
    with open_scene(published.installation) as scene:
        yield scene


def title(scene: Scene) -> Any:
    return scene.value("SELECT title FROM patients WHERE id = %s", STAYS)


def last_line(said: str) -> str:
    return said.rstrip().splitlines()[-1]


def test_list_names_publishes_beside_the_backups(nexus: Scene) -> None:
    nexus.back_up("manual__saved")
    code, said = shell.run(nexus, "--list")
    assert code == 0
    lines = said.splitlines()
    assert any(line.startswith("manual__saved/001  ") for line in lines)
    assert lines[-1].startswith(f"publish of {STAGE_RUN}  ")
    assert lines[-1].endswith("1 added, 3 changed, 1 removed (can be undone)")
    code, said = shell.run(nexus, "--list", **NO_STORE)
    assert code == 0
    assert said.splitlines() == lines[-1:]


def test_rehearsal_says_what_would_be_put_back_and_changes_nothing(nexus: Scene) -> None:
    nexus.execute("UPDATE patients SET notes = 'Secretnote' WHERE id = %s", STAYS)
    before = nexus.rows()
    code, said = shell.run(nexus, "--undo", "--rehearse", **NO_STORE)
    assert code == 0, said
    assert f"Undo the publish of run {STAGE_RUN}, published " in said
    assert "4 rows would be put back, 1 left alone" in said
    assert "  notes: 1 added by it, would go" in said
    assert f"  Left alone: patients {STAYS}: changed since the publish" in said
    assert "Secret" not in said
    assert last_line(said) == "✅ Rehearsed: live Nexus is unchanged"
    assert nexus.rows() == before
    assert nexus.installation.rows("SELECT state, undone_plan_id IS NOT NULL FROM nexus_import.restore_run") == [
        ("rehearsed", True)
    ]


def test_typed_run_id_undoes_and_a_second_time_finds_nothing_to_do(nexus: Scene) -> None:
    code, said = shell.run(nexus, "--undo", typed=f"{STAGE_RUN}\n", **NO_STORE)
    assert code == 0, said
    assert "This publish will be undone in live Nexus. To go on, type its run id" in said
    assert last_line(said).endswith(
        f"Undone and verified: the publish of run {STAGE_RUN}, 5 rows put back, 0 left alone"
    )
    assert title(nexus) is None
    [(_, who)] = nexus.installation.rows(STATE)
    assert who.endswith(" (shell)")
    assert nexus.installation.rows("SELECT answer, answered_by FROM nexus_import.approval") == [("Approve", who)]
    assert nexus.installation.rows("SELECT state FROM nexus_import.restore_run") == [("undone",)]
    after = nexus.rows()
    code, said = shell.run(nexus, "--undo", STAGE_RUN, "--yes", **NO_STORE)
    assert code == 0
    assert last_line(said).startswith(f"✅ Nothing to undo: it was undone already, by {who} at ")
    code, said = shell.run(nexus, "--undo", typed=f"{STAGE_RUN}\n", **NO_STORE)
    assert code == 1
    assert last_line(said) == (
        "❌ There is no publish to undo. Runs whose publish live Nexus holds, newest first: none."
    )
    assert nexus.rows() == after


@pytest.mark.parametrize("typed", ["", "yes\n", "newest\n"])
def test_anything_else_typed_undoes_nothing(nexus: Scene, typed: str) -> None:
    before = nexus.rows()
    code, said = shell.run(nexus, "--undo", typed=typed)
    assert code == 1
    assert "❌ Not confirmed: live Nexus is unchanged." in said
    assert nexus.rows() == before


def test_named_run_is_undone_without_a_question_once_it_is_the_newest(nexus: Scene, published: ManualRun) -> None:
    later = publish_more(published)
    code, said = shell.run(nexus, "--undo", STAGE_RUN, "--yes")
    assert code == 1
    assert last_line(said) == (f"❌ Run {later.run_id} has published since: undo that first, then run {STAGE_RUN}.")
    for run_id in (later.run_id, STAGE_RUN):
        assert shell.run(nexus, "--undo", run_id, "--yes")[0] == 0
    assert title(nexus) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--undo", "--yes"), "--yes undoes no publish that is not named: give --undo RUN"),
        (("--undo", "--backup", "some/001"), "cannot both be chosen"),
        (("--undo", "--scope", "everything"), "choose the scope patient_data, or restore a backup"),
        (("--undo", "--without-backup"), "leave without_backup off"),
    ],
)
def test_options_that_do_not_go_together_are_named(nexus: Scene, arguments: tuple[str, ...], said: str) -> None:
    before = nexus.rows()
    code, output = shell.run(nexus, *arguments)
    assert code == 2
    assert said in output
    assert nexus.rows() == before


def test_run_that_published_nothing_is_said_with_those_that_did(nexus: Scene) -> None:
    code, said = shell.run(nexus, "--undo", "nobody", "--yes")
    assert code == 1
    assert last_line(said) == (
        f"❌ Run nobody has published nothing. Runs whose publish live Nexus holds, newest first: {STAGE_RUN}."
    )


def test_database_without_a_journal_has_nothing_to_undo(bare: Scene) -> None:
    bare.execute_as_superuser("DROP SCHEMA nexus_import CASCADE")
    code, said = shell.run(bare, "--undo", **NO_STORE)
    assert code == 1
    assert "There is no publish to undo" in said


def test_server_that_writes_values_in_another_way_is_no_reason_to_leave_rows_alone(nexus: Scene) -> None:
    database = nexus.installation.database.database
    for setting in ("timezone TO 'Australia/Sydney'", "datestyle TO 'SQL, DMY'", "intervalstyle TO 'iso_8601'"):
        nexus.execute_as_superuser(f"ALTER DATABASE {database} SET {setting}")
    code, said = shell.run(nexus, "--undo", STAGE_RUN, "--yes")
    assert code == 0
    assert "5 rows put back, 0 left alone" in said


def test_help_tells_of_the_undo() -> None:
    text = make_parser().format_help()
    assert "--undo [RUN]" in text
    assert "not needed for --undo" in text
