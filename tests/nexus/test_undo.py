"""Undo of a publish: what was is again, what others did since stays, and the import remembers what it did before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from nexus_import.errors import PublishRefused, UndoRefused
from nexus_import.nexus import undo

from tests.nexus.live_rows import add_document, add_patient
from tests.nexus.manual_run import (
    ADDED,
    GONE,
    OPERATOR,
    STAYS,
    ManualRun,
)
from tests.nexus.undoing import NEWCOMER, contents, take_back


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
