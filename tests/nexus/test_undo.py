"""Undo of a publish: what was is again, what others did since stays, and the import remembers what it did before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from nexus_import.core.data_policy import DataPolicy
from nexus_import.errors import PublishRefused, UndoRefused
from nexus_import.nexus import locking, undo
from nexus_import.nexus.publications import choose_publication, read_publications
from nexus_import.nexus.undo import Undo, undo_publication
from nexus_import.nexus.undo_deciding import Left
from psycopg.types.json import Jsonb

from tests.nexus.live_rows import add_appointment, add_document, add_note, add_patient, document, insert_statement
from tests.nexus.manual_run import (
    ADDED,
    FIRST,
    FIRST_EVENT,
    GONE,
    OPERATOR,
    POLICY,
    SECOND,
    SECOND_EVENT,
    STARTED,
    STAYS,
    ManualRun,
    open_restorer,
)

DATA = POLICY.data_policy()
NEWCOMER = "90000000-0000-5000-8000-000000000006"
"""A patient whom the publish adds."""


def take_back(run: ManualRun, *, is_rehearsal: bool = False, policy: DataPolicy = DATA) -> Undo:
    """Undo the run's publish."""
    with open_restorer(run.installation) as connection:
        chosen = choose_publication(read_publications(connection), run.run_id)
        return undo_publication(connection, chosen.plan_id, policy, by=OPERATOR, is_rehearsal=is_rehearsal)


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


def test_columns_that_the_database_computes_are_computed_again(run: ManualRun) -> None:
    run.installation.execute(
        "ALTER TABLE patients ADD COLUMN loud text GENERATED ALWAYS AS (upper(last_name)) STORED;"
        "ALTER TABLE patients ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY"
    )
    before = run.installation.rows("SELECT to_jsonb(p) - 'number' FROM patients AS p ORDER BY id")
    run.edit()
    run.plan()
    run.publish()
    undone = take_back(run)
    assert (undone.counts["patients"], undone.left) == ({"add": 0, "change": 1, "remove": 1}, [])
    assert run.installation.rows("SELECT to_jsonb(p) - 'number' FROM patients AS p ORDER BY id") == before


def test_server_that_writes_values_in_another_way_changes_nothing(run: ManualRun) -> None:
    run.edit()
    run.plan()
    run.publish()
    database = run.installation.database
    with database.cluster.connect(database.database) as connection:
        for setting in ("timezone TO 'Australia/Sydney'", "intervalstyle TO 'iso_8601'", "bytea_output TO 'escape'"):
            connection.execute(f"ALTER DATABASE {database.database} SET {setting}".encode())
    assert take_back(run).left == []


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


def test_broken_constraint_of_another_kind_refuses_the_undo_whole(run: ManualRun) -> None:
    run.installation.execute("UPDATE patients SET title = 'Baroness' WHERE id = %s", STAYS)
    run.copy()
    run.edit()
    run.plan()
    run.publish()
    run.installation.execute("CREATE UNIQUE INDEX one_each ON patients (lower(title)) WHERE title ILIKE 'baroness'")
    add_patient(run.installation, title="BARONESS")
    before = contents(run)
    with pytest.raises(UndoRefused, match=r"constraint one_each of patients\); live Nexus is unchanged\. Look at the"):
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


def test_publishes_that_changed_no_row_are_undone_with_the_one_below(run: ManualRun) -> None:
    before = contents(run)
    run.edit()
    run.plan()
    run.publish()
    empty = [ManualRun(run.installation, run.connection) for _ in range(2)]
    for later in empty:
        later.copy()
        assert later.plan().change_count == 0
        later.publish()
    undone = take_back(run)
    assert undone.notes == [
        f"the publish of run {later.run_id}, which changed no row, is undone with it" for later in reversed(empty)
    ]
    assert contents(run) == before
    assert run.installation.rows("SELECT DISTINCT undone_by FROM nexus_import.publication") == [(OPERATOR,)]


def test_what_is_remembered_of_rows_left_alone_is_what_was_published(newcomer: ManualRun) -> None:
    """They hold FileMaker's values of then: forgotten, these would look like edits of staff, or be added twice."""
    remember = (
        "INSERT INTO nexus_import.identity VALUES ('note', 'a', %(note)s, 'new'), ('patient', 'b', %(patient)s, 'new');"
        "INSERT INTO nexus_import.published_row VALUES ('notes', %(note)s, '{}'), ('patients', %(patient)s, '{}');"
        "INSERT INTO nexus_import.memory_image (plan_id, memory, key) SELECT plan_id, memory, key"
        " FROM nexus_import.publication, (VALUES ('identity', 'note:a'), ('identity', 'patient:b'),"
        "  ('published_row', 'notes:' || %(note)s), ('published_row', 'patients:' || %(patient)s)) AS m (memory, key)"
    )
    with newcomer.installation.importer() as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(remember, {"note": ADDED, "patient": NEWCOMER})
    add_document(newcomer.installation, NEWCOMER)
    assert [left.row_id for left in take_back(newcomer).left] == [NEWCOMER]
    rows = newcomer.installation.rows(
        "SELECT nexus_id::text FROM nexus_import.identity UNION ALL SELECT row_id::text FROM nexus_import.published_row"
    )
    assert rows == [(NEWCOMER,), (NEWCOMER,)]


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
