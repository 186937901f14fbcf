"""Undo of a publish: the rows that are left alone, because somebody wrote them since or something refers to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from nexus_import.errors import UndoRefused
from nexus_import.nexus import locking
from nexus_import.nexus.undo_deciding import Left
from psycopg.types.json import Jsonb

from tests.nexus.live_rows import add_appointment, add_document, add_note, document, insert_statement
from tests.nexus.manual_run import (
    ADDED,
    FIRST,
    FIRST_EVENT,
    GONE,
    SECOND,
    SECOND_EVENT,
    STAYS,
    ManualRun,
)
from tests.nexus.undoing import DATA, NEWCOMER, contents, take_back


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


def test_a_row_that_a_table_nobody_declared_refers_to_stays(newcomer: ManualRun) -> None:
    newcomer.installation.execute("CREATE TABLE waiting_list (who uuid REFERENCES patients ON DELETE CASCADE)")
    newcomer.installation.execute("INSERT INTO waiting_list VALUES (%s)", NEWCOMER)
    assert take_back(newcomer).left == [Left("patients", NEWCOMER, "a row of waiting_list refers to it")]
    assert newcomer.installation.value("SELECT count(*) FROM waiting_list") == 1


def test_a_row_that_only_a_log_speaks_of_goes_where_the_policy_says_so(newcomer: ManualRun) -> None:
    newcomer.installation.execute(
        "UPDATE sent_emails SET related_patient_id = upper(%s) WHERE id IN (SELECT id FROM sent_emails LIMIT 2)",
        NEWCOMER,
    )
    undone = take_back(newcomer, is_rehearsal=True)
    assert undone.left == [Left("patients", NEWCOMER, "a row of sent_emails refers to it")]
    undone = take_back(newcomer, policy=replace(DATA, nexus_only_tables={"sent_emails": "delete"}))
    assert undone.left == []
    assert undone.notes == [
        "2 rows of sent_emails.related_patient_id refer to rows of patients that go, and keep the ids of rows that are "
        "no longer there"
    ]


def test_row_whose_unique_value_was_taken_since_stays(run: ManualRun) -> None:
    run.edit()
    run.work("UPDATE nexus_work.appointments SET filemaker_event_id = NULL WHERE id = %s", SECOND)
    run.plan()
    run.publish()
    run.installation.execute("UPDATE appointments SET filemaker_event_id = NULL WHERE id = %s", FIRST)
    taken = add_appointment(run.installation, STAYS, filemaker_event_id=SECOND_EVENT)
    assert take_back(run).left == [
        Left("appointments", FIRST, "changed since the publish"),
        Left("appointments", SECOND, "another row has its filemaker_event_id now"),
    ]
    owner = "SELECT id::text FROM appointments WHERE filemaker_event_id = %s"
    assert run.installation.rows(owner, SECOND_EVENT) == [(taken,)]


def test_row_that_stays_keeps_its_unique_value_from_the_one_that_had_it_before(run: ManualRun) -> None:
    """The publish swapped two; one was edited since, so the other cannot go back either."""
    run.edit()
    run.plan()
    run.publish()
    run.installation.execute("UPDATE appointments SET status = 'done' WHERE id = %s", FIRST)
    assert take_back(run).left == [
        Left("appointments", FIRST, "changed since the publish"),
        Left("appointments", SECOND, "another row has its filemaker_event_id now"),
    ]


def test_row_that_referred_to_one_that_is_gone_stays_away(run: ManualRun) -> None:
    appointment = add_appointment(run.installation, GONE)
    note = add_note(run.installation, GONE)
    run.copy()
    run.work("DELETE FROM nexus_work.notes WHERE id = %s", note)
    run.work("UPDATE nexus_work.appointments SET patient_id = %s WHERE id = %s", STAYS, appointment)
    run.work("DELETE FROM nexus_work.appointments WHERE id = %s", FIRST)
    run.plan()
    run.publish()
    run.installation.execute("DELETE FROM patients WHERE id = %s", GONE)
    undone = take_back(run)
    assert undone.left == [
        Left("appointments", appointment, "the row of patients that it referred to is gone"),
        Left("notes", note, "the row of patients that it referred to is gone"),
    ]
    assert undone.row_count == 1
    assert run.installation.value("SELECT count(*) FROM appointments WHERE id = %s", FIRST) == 1


def test_rows_come_back_with_what_they_referred_to(run: ManualRun) -> None:
    note = add_note(run.installation, GONE)
    run.copy()
    before = contents(run)
    run.work("DELETE FROM nexus_work.notes WHERE id = %s", note)
    run.work("DELETE FROM nexus_work.patients WHERE id = %s", GONE)
    run.plan()
    run.publish()
    assert take_back(run).left == []
    assert contents(run) == before
