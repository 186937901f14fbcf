"""Nexus's own ON DELETE rules: what the plan removes takes nothing along, whatever the database would do by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_import.errors import PublishRefused

from tests.nexus.live_rows import add_note, add_patient
from tests.nexus.lost_rows import add_like, approve, lose_appointment, lose_patient, planned
from tests.nexus.manual_run import GONE, STAYS, ManualRun
from tests.nexus.quick_run import LAST_TASK, QuickRuns
from tests.support.copies import own_include
from tests.support.installation import Installation

RULED = {
    "encounters": "patient_id",
    "sms_messages": "appointment_id",
    "sms_inbound": "patient_id",
    "xero_invoice_links": "appointment_id",
}


def give_rule(installation: Installation, table: str, column: str, rule: str) -> str:
    """Give the table's key on this column another rule; return the key's name."""
    name, parent = installation.rows(
        "SELECT conname, confrelid::regclass::text FROM pg_constraint JOIN pg_attribute"
        " ON attrelid = conrelid AND conkey = ARRAY[attnum]"
        " WHERE contype = 'f' AND conrelid = %s::regclass AND attname = %s",
        table,
        column,
    )[0]
    installation.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    installation.execute(
        f'ALTER TABLE {table} ADD CONSTRAINT "{name}" FOREIGN KEY ({column}) REFERENCES {parent} ({"id"}) {rule}'
    )
    return str(name)


@pytest.mark.parametrize("rule", ["ON DELETE CASCADE", "ON DELETE NO ACTION"])
def test_delete_does_what_the_plan_says_whatever_the_rule(
    imported: Installation, next_run: QuickRuns, rule: str, tmp_path: Path
) -> None:
    patient = lose_patient(imported)
    parents = {"patient_id": patient, "appointment_id": lose_appointment(imported, patient)}
    keys, rows = {}, {}
    for table, column in RULED.items():
        keys[table] = [give_rule(imported, table, column, rule)]
        rows[table] = add_like(imported, table, **{column: parents[column]})
    with own_include(tmp_path, side_effects=keys):
        run = next_run(nexus_only="delete")
        approve(run)
        run.go(until=LAST_TASK)
    assert run.errors == {}
    assert run.states[LAST_TASK] == "success"
    removed = planned(run, "remove")
    assert {table for table, row in rows.items() if row in removed.get(table, set())} == {"encounters", "sms_messages"}
    for table, column in RULED.items():
        left = imported.rows(f"SELECT {column} FROM {table} WHERE id::text = %s", rows[table])
        assert left == ([] if table in ("encounters", "sms_messages") else [(None,)]), table


@pytest.mark.parametrize("rule", ["ON DELETE CASCADE", "ON DELETE NO ACTION"])
def test_row_that_moves_to_another_patient_outlives_the_one_it_had(run: ManualRun, rule: str) -> None:
    """Two patients were merged in FileMaker: what one had is the other's now, and may not be without any."""
    give_rule(run.installation, "notes", "patient_id", rule)
    moved = add_note(run.installation, GONE)
    run.copy()
    run.edit()
    run.work("UPDATE nexus_work.notes SET patient_id = %s WHERE id = %s", STAYS, moved)
    run.plan()
    run.publish()
    assert run.installation.value("SELECT patient_id::text FROM notes WHERE id = %s", moved) == STAYS


def test_row_that_cannot_be_saved_from_a_rule_names_the_constraint(run: ManualRun) -> None:
    """It may not be without a patient, and the one that it moves to is not there before the other has gone."""
    give_rule(run.installation, "notes", "patient_id", "ON DELETE CASCADE")
    moved = add_note(run.installation, GONE)
    run.copy()
    run.edit()
    fresh = "90000000-0000-5000-8000-0000000000aa"
    run.work(
        "INSERT INTO nexus_work.patients SELECT (jsonb_populate_record(model, jsonb_build_object('id', %s::text,"
        " 'mrn', NULL))).* FROM nexus_work.patients AS model WHERE id = %s",
        fresh,
        STAYS,
    )
    run.work("UPDATE nexus_work.notes SET patient_id = %s WHERE id = %s", fresh, moved)
    run.plan()
    before = run.installation.live()
    with pytest.raises(PublishRefused) as refused:
        run.publish()
    said = str(refused.value)
    assert "1 rows of notes" in said
    assert "constraint notes_patient_id_fk" in said
    assert "ON DELETE CASCADE" in said
    assert run.installation.live() == before


def test_key_that_was_made_after_the_copy_takes_nothing_along(run: ManualRun) -> None:
    """The plan was decided without it."""
    run.edit()
    run.plan()
    run.installation.execute(
        "CREATE TABLE photos (id uuid PRIMARY KEY, who uuid REFERENCES patients ON DELETE CASCADE)"
    )
    run.installation.execute("INSERT INTO photos VALUES (gen_random_uuid(), %s), (gen_random_uuid(), %s)", GONE, STAYS)
    with pytest.raises(PublishRefused, match=r"1 rows of photos.*constraint photos_who_fkey"):
        run.publish()
    assert run.installation.value("SELECT count(*) FROM photos") == 2


def test_children_go_before_their_parents(run: ManualRun) -> None:
    """A key that cannot be deferred holds in between too: patients are removed after the notes on them."""
    give_rule(run.installation, "notes", "patient_id", "ON DELETE RESTRICT")
    patient = add_patient(run.installation)
    note = add_note(run.installation, patient)
    run.copy()
    run.work("DELETE FROM nexus_work.notes WHERE id = %s", note)
    run.work("DELETE FROM nexus_work.patients WHERE id = %s", patient)
    run.plan()
    run.publish()
    assert run.installation.value("SELECT count(*) FROM notes WHERE id = %s", note) == 0
