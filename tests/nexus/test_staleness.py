"""What makes a plan stale, and what does not: only rows that the plan touches, or that refer to what it removes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from nexus_import.errors import PublishRefused
from nexus_import.nexus import locking
from nexus_import.nexus.links import read_links, store_links
from nexus_import.nexus.plan import latest_plan
from nexus_import.nexus.staleness import find_stale, linked_tables, require_fresh

from tests.nexus.live_rows import (
    add_appointment,
    add_batch,
    add_document,
    add_encounter,
    add_note,
    add_relationship,
    add_reminder,
    document,
    insert_statement,
)
from tests.nexus.lost_rows import add_like
from tests.nexus.manual_run import ADDED, FIRST, GONE, POLICY, SECOND, STAYS, ManualRun


def stale(run: ManualRun) -> list[tuple[str, str, str]]:
    plan = latest_plan(run.connection, run.run_id)
    assert plan is not None
    return [(table, str(row), why) for table, row, why in find_stale(run.connection, plan)]


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [
        ("patients", STAYS, "title", "Mx"),
        ("patients", STAYS, "archived", True),
        ("patients", GONE, "notes", "written meanwhile"),
        ("appointments", FIRST, "status", "completed"),
    ],
)
def test_planned_row_that_changed_is_stale(planned: ManualRun, table: str, row: str, column: str, value: Any) -> None:
    installation = planned.installation
    former = installation.value(f"SELECT {column} FROM {table} WHERE id = %s", row)
    assert stale(planned) == []
    installation.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", value, row)
    assert stale(planned) == [(table, row, "changed")]
    installation.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", former, row)
    assert stale(planned) == []


def test_bookkeeping_column_alone_is_not_stale(planned: ManualRun) -> None:
    planned.installation.execute("UPDATE patients SET updated_at = now()")
    assert stale(planned) == []


def test_unplanned_rows_may_change(planned: ManualRun) -> None:
    planned.installation.execute("UPDATE patients SET notes = 'x' WHERE id NOT IN (%s, %s)", STAYS, GONE)
    planned.installation.execute("UPDATE encounters SET summary = 'x'")
    note = add_note(planned.installation, STAYS)
    assert stale(planned) == []
    planned.installation.execute("DELETE FROM notes WHERE id = %s", note)


def test_id_that_was_taken_is_stale(planned: ManualRun) -> None:
    add_note(planned.installation, STAYS, id=ADDED)
    assert stale(planned) == [("notes", ADDED, "already there")]
    planned.installation.execute("DELETE FROM notes WHERE id = %s", ADDED)


@pytest.mark.parametrize(
    ("table", "add"),
    [
        ("notes", lambda made: add_note(made, GONE)),
        ("encounters", lambda made: add_encounter(made, GONE)),
        ("appointments", lambda made: add_appointment(made, GONE)),
        ("documents_document", lambda made: add_document(made, GONE)),
        ("images_batch", lambda made: add_batch(made, GONE)),
        ("contact_relationships", lambda made: add_relationship(made, GONE, STAYS)),
        ("contact_relationships", lambda made: add_relationship(made, STAYS, GONE)),
    ],
    ids=["note", "encounter", "appointment", "document", "batch", "relationship from", "relationship to"],
)
def test_row_that_refers_to_a_removed_one_is_stale(planned: ManualRun, table: str, add: Callable[[Any], str]) -> None:
    row = add(planned.installation)
    assert stale(planned) == [(table, row, "refers to a row of patients that the plan removes")]
    planned.installation.execute(f"DELETE FROM {table} WHERE id = %s", row)
    assert stale(planned) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [("sent_emails", "related_patient_id"), ("xero_sync_logs", "local_entity_id"), ("django_admin_log", "object_id")],
)
def test_row_of_an_untouched_table_that_refers_to_a_removed_one_is_stale(
    planned: ManualRun, table: str, column: str
) -> None:
    row = add_like(planned.installation, table, **{column: GONE})
    assert stale(planned) == [(table, row, "refers to a row of patients that the plan removes")]
    planned.installation.execute(f"DELETE FROM {table} WHERE id::text = %s", row)
    assert stale(planned) == []


@pytest.fixture
def without_first(run: ManualRun) -> ManualRun:
    """A run whose plan removes the appointment FIRST."""
    run.work("DELETE FROM nexus_work.appointments WHERE id = %s", FIRST)
    run.plan()
    assert stale(run) == []
    return run


def test_generic_link_to_a_removed_appointment_is_stale(without_first: ManualRun) -> None:
    installation = without_first.installation
    number = installation.value("SELECT id FROM django_content_type WHERE model = 'appointment'")
    row = add_document(installation, FIRST, content_type_id=number)
    assert stale(without_first) == [
        ("documents_document", row, "refers to a row of appointments that the plan removes")
    ]


def test_plain_link_to_a_removed_appointment_is_stale(without_first: ManualRun) -> None:
    row = add_reminder(without_first.installation, STAYS, appointment_id=FIRST)
    assert stale(without_first) == [("reminders", row, "refers to a row of appointments that the plan removes")]


def test_tables_with_such_links_stand_still_while_something_is_removed(without_first: ManualRun) -> None:
    plan = latest_plan(without_first.connection, without_first.run_id)
    assert plan is not None
    assert linked_tables(without_first.connection, plan) == {
        *("documents_document", "images_batch", "contact_relationships", "reminders"),
        *("sent_emails", "xero_sync_logs", "django_admin_log"),
    }


def test_planned_row_whose_appointment_went_meanwhile_is_stale(run: ManualRun) -> None:
    reminder = add_reminder(run.installation, STAYS)
    run.copy()
    run.work("UPDATE nexus_work.reminders SET appointment_id = %s WHERE id = %s", SECOND, reminder)
    run.plan()
    assert stale(run) == []
    run.installation.execute("DELETE FROM appointments WHERE id = %s", SECOND)
    assert stale(run) == [("reminders", reminder, "reminders.appointment_id has gone")]


def test_link_that_may_dangle_is_not_stale(without_first: ManualRun) -> None:
    policy = POLICY.data_policy("delete")
    store_links(without_first.connection, read_links(without_first.connection, policy), policy)
    add_like(without_first.installation, "sent_emails", related_appointment_id=FIRST)
    assert stale(without_first) == []


def test_generic_link_to_something_else_with_the_same_id_is_not_stale(planned: ManualRun) -> None:
    other = planned.installation.value("SELECT id FROM django_content_type WHERE model <> 'patient' LIMIT 1")
    row = add_document(planned.installation, GONE, content_type_id=other)
    assert stale(planned) == []
    planned.installation.execute("DELETE FROM documents_document WHERE id = %s", row)


def test_refusal_names_rows_and_what_to_clear(planned: ManualRun) -> None:
    notes = [add_note(planned.installation, GONE, "secret words") for _ in range(7)]
    plan = latest_plan(planned.connection, planned.run_id)
    assert plan is not None
    with pytest.raises(PublishRefused) as caught:
        require_fresh(planned.connection, plan)
    said = str(caught.value)
    assert said.startswith("7 rows that the plan touches changed in live Nexus since the copy: notes ")
    assert "…" in said
    assert "Clear phase_1_preserve.copy_tables with downstream: FileMaker is not read again." in said
    assert len({row for row in notes if row in said}) == 5
    assert not re.search("secret", said)
    planned.installation.execute("DELETE FROM notes WHERE patient_id = %s", GONE)


def test_planned_row_that_went_is_stale(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.installation.execute("DELETE FROM patients WHERE id = %s", GONE)
    assert stale(run) == [("patients", GONE, "gone")]
    with pytest.raises(PublishRefused, match=f"patients {GONE} \\(gone\\)"):
        run.publish()


def test_row_that_refers_to_a_removed_one_and_goes_with_it_is_not_stale(run: ManualRun) -> None:
    removed, moved = add_note(run.installation, GONE), add_document(run.installation, GONE)
    run.copy()
    run.edit()
    run.work("DELETE FROM nexus_work.notes WHERE id = %s", removed)
    run.work("UPDATE nexus_work.documents_document SET object_id = %s WHERE id = %s", STAYS, moved)
    run.plan()
    assert stale(run) == []
    run.publish()
    assert str(run.installation.value("SELECT object_id FROM documents_document WHERE id = %s", moved)) == STAYS


def test_stale_plan_leaves_live_nexus_and_a_new_copy_publishes(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.installation.execute("UPDATE patients SET notes = 'meanwhile' WHERE id = %s", STAYS)
    before = run.installation.live()
    with pytest.raises(PublishRefused, match=f"patients {STAYS} \\(changed\\)"):
        run.publish()
    assert run.installation.live() == before
    run.copy()
    run.edit()
    run.plan()
    run.publish()
    row = run.installation.rows("SELECT title, notes FROM patients WHERE id = %s", STAYS)
    assert row == [("Dr", "meanwhile")]


def test_unrelated_write_survives_the_publish(run: ManualRun) -> None:
    run.edit()
    run.plan()
    other = run.installation.value("SELECT min(id::text) FROM patients WHERE id NOT IN (%s, %s)", STAYS, GONE)
    run.installation.execute("UPDATE patients SET notes = 'meanwhile' WHERE id = %s", other)
    written = add_note(run.installation, other, "meanwhile")
    run.publish()
    assert run.installation.value("SELECT notes FROM patients WHERE id = %s", other) == "meanwhile"
    assert run.installation.value("SELECT content FROM notes WHERE id = %s", written) == "meanwhile"


def test_reminder_of_a_removed_appointment_is_stale(run: ManualRun) -> None:
    """Nexus keeps a reminder's appointment in a plain column, without a foreign key."""
    run.work("DELETE FROM nexus_work.appointments WHERE id = %s", FIRST)
    run.plan()
    assert stale(run) == []
    reminder = add_reminder(run.installation, STAYS, appointment_id=FIRST)
    assert stale(run) == [("reminders", reminder, "refers to a row of appointments that the plan removes")]


def test_relinked_document_whose_patient_went_is_stale(run: ManualRun) -> None:
    document_id = add_document(run.installation, STAYS)
    run.copy()
    run.work("UPDATE nexus_work.documents_document SET object_id = %s WHERE id = %s", GONE, document_id)
    run.plan()
    assert stale(run) == []
    run.installation.execute("DELETE FROM patients WHERE id = %s", GONE)
    assert stale(run) == [("documents_document", document_id, "its patient has gone")]


def test_document_that_is_being_written_is_waited_for(run: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """No constraint guards a generic link: a document committed after the check would be an orphan."""
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (50,))
    run.edit()
    run.plan()
    row = document(run.installation, GONE)
    with run.installation.owner() as other:
        other.execute("BEGIN")
        other.execute(insert_statement("documents_document", row).encode(), list(row.values()))
        with pytest.raises(PublishRefused, match="locked by others"):
            run.publish()
        other.execute("COMMIT")
    with pytest.raises(PublishRefused, match=f"documents_document {row['id']}"):
        run.publish()
