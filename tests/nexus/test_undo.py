"""Undo of a publish: what was is again, what others did since stays, and the import remembers what it did before."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.errors import PublishRefused, UndoRefused
from nexus_import.nexus import locking, undo
from nexus_import.nexus.links import Link, read_links
from nexus_import.nexus.undo import Left, Undo, undo_publication
from psycopg.types.json import Jsonb

from tests.nexus.live_rows import add_appointment, add_document, add_note, document, insert_statement
from tests.nexus.manual_run import (
    ADDED,
    FIRST,
    FIRST_EVENT,
    GONE,
    OPERATOR,
    POLICY,
    SECOND,
    STARTED,
    STAYS,
    ManualRun,
)

DATA = POLICY.data_policy()
NEWCOMER = "90000000-0000-5000-8000-000000000006"
"""A patient whom the publish adds."""


def links(run: ManualRun) -> list[Link]:
    """Return the links that count as references: those of the tables that the import looks after."""
    return [link for link in read_links(run.connection, DATA) if link.table in DATA.copied_tables]


def take_back(run: ManualRun, *, is_rehearsal: bool = False) -> Undo:
    """Undo the run's publish."""
    return undo_publication(run.connection, run.run_id, links(run), by=OPERATOR, is_rehearsal=is_rehearsal)


def contents(run: ManualRun) -> dict[str, str]:
    """Return a digest of every live table, and of what the import remembers."""
    memories = {
        table: run.installation.value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t")
        for table in ("nexus_import.identity", "nexus_import.published_row")
    }
    return run.installation.live() | memories


def add_newcomer(run: ManualRun) -> None:
    """Let the working copy have a patient more, who has a note."""
    run.work(
        "INSERT INTO nexus_work.patients SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'id', %s::text, 'mrn', NULL, 'filemaker_metadata', NULL))).* FROM nexus_work.patients AS t WHERE id = %s",
        *(NEWCOMER, STAYS),
    )
    run.work(
        "INSERT INTO nexus_work.notes (id, patient_id, note_type, content, created_at, updated_at)"
        " VALUES (%s, %s, 'other', 'new', %s, %s)",
        *(ADDED, NEWCOMER, STARTED, STARTED),
    )


@pytest.fixture
def newcomer(run: ManualRun) -> ManualRun:
    """A run that published a new patient with a note."""
    add_newcomer(run)
    run.plan()
    run.publish()
    return run


def test_everything_is_what_it_was(run: ManualRun) -> None:
    before = contents(run)
    run.edit()
    run.plan()
    run.publish()
    assert contents(run) != before
    undone = take_back(run)
    assert contents(run) == before
    assert undone.left == []
    assert undone.row_count == 5
    assert {table: counts for table, counts in undone.counts.items() if any(counts.values())} == {
        "appointments": {"add": 0, "change": 2, "remove": 0},
        "notes": {"add": 1, "change": 0, "remove": 0},
        "patients": {"add": 0, "change": 1, "remove": 1},
    }
    noted = run.installation.rows("SELECT undone_by, undone_at IS NOT NULL FROM nexus_import.publication")
    assert noted == [(OPERATOR, True)]


def test_a_rehearsal_tells_the_same_and_changes_nothing(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    before = contents(run)
    rehearsed = take_back(run, is_rehearsal=True)
    assert contents(run) == before
    assert rehearsed == take_back(run)


def test_rows_that_others_wrote_since_are_named_and_left_alone(run: ManualRun) -> None:
    gone = run.installation.rows("SELECT * FROM patients WHERE id = %s", GONE)[0]
    run.edit()
    run.plan()
    run.publish()
    run.installation.execute("UPDATE patients SET notes = 'called' WHERE id = %s", STAYS)
    run.installation.execute("DELETE FROM notes WHERE id = %s", ADDED)
    run.installation.execute(f"INSERT INTO patients VALUES ({', '.join(['%s'] * len(gone))})", *_adapted(gone))
    undone = take_back(run)
    assert undone.left == [
        Left("notes", ADDED, "gone since the publish"),
        Left("patients", GONE, "is there again"),
        Left("patients", STAYS, "changed since the publish"),
    ]
    assert run.installation.rows("SELECT title, notes FROM patients WHERE id = %s", STAYS) == [("Dr", "called")]
    assert (
        str(run.installation.value("SELECT filemaker_event_id FROM appointments WHERE id = %s", FIRST)) == FIRST_EVENT
    )


def _adapted(row: tuple[Any, ...]) -> list[Any]:
    return [Jsonb(value) if isinstance(value, dict | list) else value for value in row]


def test_a_new_row_goes_with_what_the_publish_put_on_it(newcomer: ManualRun) -> None:
    assert take_back(newcomer).left == []
    assert newcomer.installation.value("SELECT count(*) FROM patients WHERE id = %s", NEWCOMER) == 0
    assert newcomer.installation.value("SELECT count(*) FROM notes WHERE id = %s", ADDED) == 0


@pytest.mark.parametrize(
    ("add", "table"),
    [(add_note, "notes"), (add_document, "documents_document"), (add_appointment, "appointments")],
    ids=["foreign key", "generic link", "imported table"],
)
def test_a_new_row_that_staff_use_stays(newcomer: ManualRun, add: Any, table: str) -> None:
    add(newcomer.installation, NEWCOMER)
    undone = take_back(newcomer)
    assert undone.left == [Left("patients", NEWCOMER, f"a row of {table} refers to it")]
    assert newcomer.installation.value("SELECT count(*) FROM notes WHERE id = %s", ADDED) == 0


def test_a_row_that_stays_keeps_what_it_refers_to(newcomer: ManualRun) -> None:
    newcomer.installation.execute("UPDATE notes SET content = 'edited' WHERE id = %s", ADDED)
    assert take_back(newcomer).left == [
        Left("notes", ADDED, "changed since the publish"),
        Left("patients", NEWCOMER, "a row of notes refers to it"),
    ]


def test_a_reference_that_is_being_written_is_waited_for(newcomer: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (50,))
    row = document(newcomer.installation, NEWCOMER)
    with newcomer.installation.owner() as other, other.transaction():
        other.execute(insert_statement("documents_document", row).encode(), list(row.values()))
        with pytest.raises(UndoRefused, match=r"locked by others for too long; live Nexus is unchanged\. Try again"):
            take_back(newcomer)
    assert [left.row_id for left in take_back(newcomer).left] == [NEWCOMER]


def test_value_that_was_taken_since_refuses_the_undo_whole(run: ManualRun) -> None:
    run.edit()
    run.work("UPDATE nexus_work.appointments SET filemaker_event_id = NULL WHERE id = %s", SECOND)
    run.plan()
    run.publish()
    freed = "90000000-0000-4000-8000-0000000000f4"
    run.installation.execute("UPDATE appointments SET filemaker_event_id = NULL WHERE id = %s", FIRST)
    add_appointment(run.installation, STAYS, filemaker_event_id=freed)
    before = contents(run)
    with pytest.raises(UndoRefused, match=r"constraint .*filemaker_event_id.* of appointments"):
        take_back(run)
    assert contents(run) == before


def test_only_the_newest_publish_is_undone_and_only_once(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    before = contents(run)
    second = ManualRun(run.installation, run.connection)
    second.copy()
    second.work("UPDATE nexus_work.patients SET title = 'Mx' WHERE id = %s", STAYS)
    second.plan()
    second.publish()
    with pytest.raises(UndoRefused, match=f"Run {second.run_id} has published since: undo that first, then run"):
        take_back(run)
    take_back(second)
    assert contents(run) == before
    with pytest.raises(UndoRefused, match=f"was undone already, by {OPERATOR} at "):
        take_back(second)
    take_back(run)
    assert run.installation.value("SELECT count(*) FROM patients WHERE id = %s", GONE) == 1


def test_run_that_published_nothing_has_nothing_to_undo(run: ManualRun) -> None:
    with pytest.raises(UndoRefused, match="has published nothing"):
        take_back(run)


def test_undone_plan_is_not_published_again(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    take_back(run)
    with pytest.raises(PublishRefused, match=f"published and then undone by {OPERATOR}; it is not published again"):
        run.publish()


def test_rows_that_retention_removed_refuse_the_undo(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    run.connection.execute("DELETE FROM nexus_import.before_image WHERE row_id = %s", [GONE])
    with pytest.raises(UndoRefused, match=r"Of the 5 rows .* 4 are still kept .* Restore a backup instead"):
        take_back(run)


def test_other_columns_refuse_the_undo(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    run.installation.execute("ALTER TABLE notes ADD COLUMN mood text")
    with pytest.raises(UndoRefused, match="the columns of notes are not what they were"):
        take_back(run)


def test_trigger_that_changes_what_is_put_back_rolls_the_undo_back(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    run.installation.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.notes := ''loud''; RETURN NEW; END'"
    )
    run.installation.execute("CREATE TRIGGER shout BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION shout()")
    before = contents(run)
    with pytest.raises(UndoRefused, match="1 rows of patients did not become what they were"):
        take_back(run)
    assert contents(run) == before


def test_undo_that_fails_half_way_changes_nothing(run: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.edit()
    run.plan()
    run.publish()
    before = contents(run)

    def fail(*_: Any) -> None:
        raise OSError("cut off")

    monkeypatch.setattr(undo, "remember_as_before", fail)
    with pytest.raises(OSError, match="cut off"):
        take_back(run)
    assert contents(run) == before
