"""What a person is shown before a restore: what would be lost, by table and count, and by id in a list."""

from __future__ import annotations

import csv
import io

import pytest
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.restore.comparison import compare
from nexus_import.nexus.restore.scope import EVERYTHING, PATIENT_DATA
from nexus_import.nexus.restore.words import plan_lines, plan_table
from nexus_import.nexus.session import pin_formats

from tests.nexus.live_rows import add_appointment, add_note, add_patient
from tests.restore.scene import POLICY, Scene


def test_rows_added_changed_and_removed_since_are_counted_and_listed_by_id(clinic: Scene) -> None:
    gone = add_patient(clinic.installation)
    manifest = clinic.back_up()
    since = add_patient(clinic.installation, last_name="Secretname")
    note = add_note(clinic.installation, since, "Secretnote")
    changed = clinic.value("SELECT min(id::text) FROM appointments")
    clinic.execute("UPDATE appointments SET billing_notes = 'Secretbill' WHERE id = %s", changed)
    clinic.execute("DELETE FROM patients WHERE id = %s", gone)
    clinic.execute("UPDATE clinics SET color = '#123456' WHERE id = (SELECT min(id::text)::uuid FROM clinics)")

    loaded = clinic.load(manifest, PATIENT_DATA)
    assert set(loaded.tables) == set(POLICY.copied_tables)
    plan = clinic.plan(loaded)
    differing = {table: counts for table, counts in plan.counts.items() if any(counts.values())}
    assert differing == {
        "patients": {"added": 1, "changed": 0, "removed": 1},
        "appointments": {"added": 0, "changed": 1, "removed": 0},
        "notes": {"added": 1, "changed": 0, "removed": 0},
    }
    assert plan.change_count == 4
    assert plan.differences_key
    listed = clinic.store.get_bytes(plan.differences_key).decode()
    assert {tuple(row) for row in csv.reader(io.StringIO(listed))} == {
        ("table", "since_the_backup", "key", "rows"),
        ("patients", "added", since, "1"),
        ("patients", "removed", gone, "1"),
        ("notes", "added", note, "1"),
        ("appointments", "changed", changed, "1"),
    }
    shown = "\n".join([listed, *plan_lines(plan), plan_table(plan, manifest, plan.differences_key)])
    assert "Secret" not in shown
    assert "patients: 1 added since the backup, would go, 1 removed since, would come back" in shown
    assert "| patients | 1 | 0 | 1 |" in shown

    everything = clinic.plan(clinic.load(manifest))
    assert everything.counts["clinics"] == {"added": 0, "changed": 1, "removed": 0}


def test_key_that_may_say_something_of_a_person_is_not_listed(bare: Scene) -> None:
    bare.execute("CREATE TABLE sessions (session_key text PRIMARY KEY); CREATE TABLE bag (x text)")
    manifest = bare.back_up()
    bare.execute("INSERT INTO sessions VALUES ('a-secret'); INSERT INTO bag VALUES ('another-secret')")
    plan = bare.plan(bare.load(manifest))
    assert plan.differences_key
    listed = bare.store.get_bytes(plan.differences_key).decode()
    assert "secret" not in listed
    assert [row[:2] for row in csv.reader(io.StringIO(listed))][1:] == [["bag", "added"], ["sessions", "added"]]


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO a VALUES (9, 'x')",
        "DELETE FROM a WHERE id = 2",
        "UPDATE a SET x = 'other' WHERE id = 1",
        "UPDATE a SET x = 'another' WHERE id = 3",
        "DELETE FROM a WHERE id = 4; INSERT INTO a VALUES (5, 'y')",
        "UPDATE a SET x = 'z' WHERE id = 4",
        "INSERT INTO bag VALUES ('c')",
        "DELETE FROM bag WHERE x = 'b'",
    ],
)
def test_every_write_gives_the_comparison_another_digest(bare: Scene, write: str) -> None:
    """Also one that leaves all counts as they are: another row added, another value in a row that had changed."""
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY, x text); CREATE TABLE bag (x text)")
    bare.execute("INSERT INTO a VALUES (1, 'x'), (2, 'x'), (3, 'x'); INSERT INTO bag VALUES ('a')")
    manifest = bare.back_up()
    bare.execute("UPDATE a SET x = 'changed' WHERE id = 3; INSERT INTO a VALUES (4, 'y'); INSERT INTO bag VALUES ('b')")
    loaded = bare.load(manifest)

    def digest() -> str:
        with bare.connection.transaction():
            pin_formats(bare.connection)
            return compare(bare.connection, loaded.tables, manifest.sha256).digest

    first = digest()
    assert digest() == first
    bare.execute(write)
    assert digest() != first


def test_row_elsewhere_that_refers_to_one_that_would_go_refuses_with_counts(clinic: Scene) -> None:
    manifest = clinic.back_up()
    clinic.execute("CREATE TABLE waiting_list (id serial PRIMARY KEY, who uuid REFERENCES patients)")
    patient = add_patient(clinic.installation)
    clinic.execute("INSERT INTO waiting_list (who) VALUES (%s), (%s), (NULL)", patient, patient)
    before = clinic.dump()
    for scope in (PATIENT_DATA, EVERYTHING):
        loaded = clinic.load(manifest, scope)
        with pytest.raises(
            RestoreRefused,
            match=r"2 rows of waiting_list refer \(who\) to rows of patients that the backup does not have",
        ):
            clinic.plan(loaded)
    assert clinic.dump() == before


def test_row_of_the_backup_that_refers_to_one_that_nexus_no_longer_has_refuses(clinic: Scene) -> None:
    clinic.execute(
        "INSERT INTO clinics SELECT (jsonb_populate_record(model, jsonb_build_object("
        " 'id', gen_random_uuid(), 'name', 'Old', 'filemaker_id', NULL))).* FROM clinics AS model LIMIT 1"
    )
    clinic.execute(
        "UPDATE patients SET clinic_id = (SELECT id FROM clinics WHERE name = 'Old')"
        " WHERE id IN (SELECT id FROM patients ORDER BY id LIMIT 3)"
    )
    manifest = clinic.back_up()
    clinic.execute("UPDATE patients SET clinic_id = NULL WHERE clinic_id = (SELECT id FROM clinics WHERE name = 'Old')")
    clinic.execute("DELETE FROM clinics WHERE name = 'Old'")
    with pytest.raises(
        RestoreRefused,
        match=r"3 rows of patients in the backup refer \(clinic_id\) to rows of clinics that Nexus no longer has",
    ):
        clinic.plan(clinic.load(manifest, PATIENT_DATA))
    clinic.restore(manifest)
    assert clinic.value("SELECT count(*) FROM patients JOIN clinics ON clinics.id = clinic_id WHERE name = 'Old'") == 3


def test_links_that_no_constraint_guards_are_named_with_counts(clinic: Scene) -> None:
    manifest = clinic.back_up()
    patient = add_patient(clinic.installation)
    appointment = add_appointment(clinic.installation, patient)
    mail = clinic.value("SELECT min(id::text) FROM sent_emails")
    clinic.execute(
        "UPDATE sent_emails SET related_patient_id = upper(%s), related_appointment_id = %s WHERE id = %s",
        patient,
        appointment,
        mail,
    )
    plan = clinic.plan(clinic.load(manifest, PATIENT_DATA))
    assert [note for note in plan.notes if "1 rows of sent_emails.related_patient_id refer to rows of patients" in note]
    assert [note for note in plan.notes if "1 rows of sent_emails.related_appointment_id refer" in note]
    assert clinic.plan(clinic.load(manifest)).notes == []


def test_on_delete_rule_into_a_table_outside_the_restore_is_refused(bare: Scene) -> None:
    """The patients are taken out and come back, because they took each other's number; the rule would have acted."""
    bare.execute(
        "CREATE TABLE patients (id uuid PRIMARY KEY, number integer NOT NULL UNIQUE);"
        "CREATE TABLE diary (id serial PRIMARY KEY, who uuid REFERENCES patients ON DELETE CASCADE, entry text);"
        "INSERT INTO patients SELECT gen_random_uuid(), n FROM generate_series(1, 2) AS n;"
        "INSERT INTO diary (who, entry) SELECT id, 'x' FROM patients"
    )
    manifest = bare.back_up()
    bare.execute("UPDATE patients SET number = number + 10")
    bare.execute("UPDATE patients SET number = 13 - number")
    before = bare.rows()
    loaded = bare.load(manifest, PATIENT_DATA)
    plan = bare.plan(loaded)
    assert plan.counts == {"patients": {"added": 0, "changed": 2, "removed": 0}}
    bare.answer(plan)
    with pytest.raises(RestoreRefused, match="ON DELETE rule would change rows of diary, which are not being restored"):
        bare.write(loaded, plan)
    assert bare.rows() == before
