"""The one transaction: only what was shown and approved is undone, once, and what was there before is kept."""

from __future__ import annotations

import psycopg
import pytest
from nexus_import.errors import BackupError, RestoreRefused
from nexus_import.nexus.manifest import RESTORE, Manifest, read_manifest
from nexus_import.nexus.restore.looking import count_unlike
from nexus_import.nexus.restore.planning import Loaded
from nexus_import.nexus.restore.records import RestorePlan
from nexus_import.nexus.restore.restoring import restore_backup
from nexus_import.nexus.restore.scope import PATIENT_DATA

from tests.nexus.live_rows import add_note, add_patient
from tests.restore.scene import POLICY, Scene

APPROVED = "needs the approval of a person and has none"


@pytest.fixture
def destroyed(bare: Scene) -> Manifest:
    """A backup of three rows, of which one is left."""
    bare.execute("CREATE TABLE patients (id uuid PRIMARY KEY, n integer); CREATE TABLE clinics (id serial PRIMARY KEY)")
    bare.execute("INSERT INTO patients SELECT gen_random_uuid(), n FROM generate_series(1, 3) AS n")
    bare.execute("INSERT INTO clinics DEFAULT VALUES")
    manifest = bare.back_up()
    bare.execute("DELETE FROM patients WHERE n > 1")
    return manifest


@pytest.fixture
def loaded(bare: Scene, destroyed: Manifest) -> Loaded:
    return bare.load(destroyed)


@pytest.fixture
def plan(bare: Scene, loaded: Loaded) -> RestorePlan:
    return bare.plan(loaded)


def test_without_an_answer_nothing_is_restored(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    before = bare.rows()
    with pytest.raises(RestoreRefused, match=APPROVED) as refused:
        bare.write(loaded, plan)
    assert refused.value.is_stale
    assert bare.rows() == before
    # nothing was asked for, so nothing is saved either
    assert bare.value("SELECT count(*) FROM nexus_import.backup WHERE run_id = %s", plan.run_id) == 0


@pytest.mark.parametrize("answer", ["Reject", "Timed out"])
def test_no_is_no(bare: Scene, loaded: Loaded, plan: RestorePlan, answer: str) -> None:
    before = bare.rows()
    bare.answer(plan)
    bare.answer(plan, answer)
    with pytest.raises(RestoreRefused, match=APPROVED):
        bare.write(loaded, plan)
    assert bare.rows() == before


def test_approval_of_somebody_who_is_no_operator_is_none(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    bare.answer(plan, who="vera")
    with pytest.raises(RestoreRefused, match="approved by 'vera', who is not an operator"):
        bare.write(loaded, plan)
    # in a shell, whoever has the role's password may
    assert restore_backup(bare.connection, loaded, plan, None, None).restore_id > 0


def test_approval_of_an_earlier_comparison_is_none(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    bare.answer(plan)
    bare.execute("INSERT INTO patients VALUES (gen_random_uuid(), 4)")
    second = bare.plan(loaded, plan.run_id)
    with pytest.raises(RestoreRefused, match=APPROVED):
        bare.write(loaded, second)
    # also when it finds what the first one found: somebody must look at what is there now
    bare.execute("DELETE FROM patients WHERE n = 4")
    third = bare.plan(loaded, plan.run_id)
    assert third.digest == plan.digest
    with pytest.raises(RestoreRefused, match=APPROVED):
        bare.write(loaded, third)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        ("INSERT INTO patients VALUES (gen_random_uuid(), 4)", r"patients \(now 1 added, 2 removed; shown 2 removed\)"),
        ("UPDATE patients SET n = 9", r"patients \(now 1 changed, 2 removed; shown 2 removed\)"),
        ("DELETE FROM patients", r"patients \(now 3 removed; shown 2 removed\)"),
        ("INSERT INTO clinics DEFAULT VALUES", r"clinics \(now 1 added; shown none\)"),
    ],
)
def test_write_between_comparison_and_restore_refuses(
    bare: Scene, loaded: Loaded, plan: RestorePlan, write: str, said: str
) -> None:
    bare.answer(plan)
    bare.execute(write)
    before = bare.rows()
    with pytest.raises(RestoreRefused, match=said) as refused:
        bare.write(loaded, plan)
    assert refused.value.is_stale
    assert "Compare again" in str(refused.value)
    assert bare.rows() == before
    assert bare.installation.rows("SELECT * FROM nexus_import.restore") == []


def test_columns_that_changed_since_the_comparison_refuse(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    bare.answer(plan)
    bare.execute("ALTER TABLE patients ADD name text")
    with pytest.raises(RestoreRefused, match="patients: column name is new"):
        bare.write(loaded, plan)


def test_restore_that_is_done_is_recognised(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    bare.answer(plan)
    done = bare.write(loaded, plan)
    bare.execute("INSERT INTO patients VALUES (gen_random_uuid(), 4)")
    after = bare.rows()
    again = bare.write(loaded, plan)
    assert again == done
    assert bare.rows() == after
    assert bare.value("SELECT count(*) FROM nexus_import.restore") == 1
    assert bare.value("SELECT count(*) FROM nexus_import.backup WHERE run_id = %s", plan.run_id) == 1


def test_same_damage_once_more_is_restored_once_more(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    bare.answer(plan)
    first = bare.write(loaded, plan)
    bare.execute("DELETE FROM patients WHERE n > 1")
    again = bare.plan(loaded, plan.run_id)
    assert again.digest == plan.digest
    bare.answer(again)
    assert bare.write(loaded, again).restore_id > first.restore_id
    assert bare.value("SELECT count(*) FROM patients") == 3


def test_what_was_there_before_is_saved_and_undoes_the_restore(clinic: Scene) -> None:
    before_import = clinic.back_up()
    patient = add_patient(clinic.installation)
    add_note(clinic.installation, patient, "written since")
    clinic.execute("UPDATE appointments SET status = 'cancelled'")
    since = clinic.dump()
    restored = clinic.restore(before_import)
    assert clinic.dump() != since
    assert restored.saved_manifest_key
    saved = read_manifest(clinic.connection, clinic.store, restored.saved_manifest_key)
    assert (saved.purpose, saved.attempt) == (RESTORE, 1)
    clinic.restore(saved)
    assert clinic.dump() == since


def test_database_that_cannot_be_backed_up_is_restored_only_when_asked_for(
    bare: Scene, loaded: Loaded, plan: RestorePlan
) -> None:
    bare.answer(plan)
    before = bare.rows()
    # nobody but the owner sees the rows of this table any more
    bare.execute("CREATE TABLE broken (id integer); ALTER TABLE broken ENABLE ROW LEVEL SECURITY")
    bare.execute("CREATE POLICY nobody ON broken USING (false)")
    with pytest.raises(RestoreRefused) as refused:
        bare.write(loaded, plan)
    said = str(refused.value)
    assert said.startswith("Live Nexus as it is could not be backed up first: PostgreSQL: InsufficientPrivilege")
    assert "restore without one: what was written since the backup is then gone for good." in said
    assert {table: rows for table, rows in bare.rows().items() if table != "broken"} == before
    restored = bare.write(loaded, plan, saves_first=False)
    assert restored.saved_manifest_key is None
    assert bare.value("SELECT count(*) FROM patients") == 3


def test_emptied_core_table_stops_an_import_but_not_the_backup_before_a_restore(clinic: Scene) -> None:
    manifest = clinic.back_up()
    clinic.execute_as_superuser(
        'UPDATE nexus_import.backup SET change_marks = \'{"patients": "28:1", "documents_document": "100:1"}\''
    )
    clinic.execute("TRUNCATE patients, documents_document CASCADE")
    with pytest.raises(BackupError, match="is empty although an earlier backup had rows"):
        clinic.back_up("scheduled__next")
    assert clinic.restore(manifest).saved_manifest_key


def test_restore_makes_the_journal_where_it_is_missing(bare: Scene, destroyed: Manifest) -> None:
    from nexus_import.nexus.restore.records import ensure_journal

    bare.execute_as_superuser("DROP TABLE nexus_import.restore; DROP TABLE nexus_import.backup")
    ensure_journal(bare.connection)
    bare.restore(destroyed)
    assert bare.value("SELECT count(*) FROM patients") == 3
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'nexus_import'"
    assert bare.installation.rows(owners) == [("nexus_import",)]
    bare.execute_as_superuser("DROP SCHEMA nexus_import CASCADE")
    with pytest.raises(RestoreRefused, match=r"run include/sql/grants\.sql as a superuser"):
        ensure_journal(bare.connection)


def test_look_after_the_restore_tells_work_of_others_from_what_is_wrong(
    bare: Scene, loaded: Loaded, plan: RestorePlan
) -> None:
    bare.answer(plan)
    done = bare.write(loaded, plan)
    assert count_unlike(bare.connection, loaded, done) == ({}, 0)
    bare.execute("UPDATE patients SET n = 77 WHERE n = 2; INSERT INTO patients VALUES (gen_random_uuid(), 5)")
    assert count_unlike(bare.connection, loaded, done) == ({}, 2)
    bare.execute("DELETE FROM patients WHERE n = 3")
    assert count_unlike(bare.connection, loaded, done) == ({"patients": 1}, 2)


def test_patient_data_leaves_every_other_table_alone(clinic: Scene) -> None:
    manifest = clinic.back_up()
    clinic.execute("UPDATE clinics SET color = '#123456'; UPDATE notes SET content = 'since'")
    since = clinic.dump()
    clinic.restore(manifest, PATIENT_DATA)
    after = clinic.dump()
    changed = {table for table, digest in after.items() if digest != since[table]}
    assert changed == {"notes"}
    assert set(clinic.load(manifest, PATIENT_DATA).tables) == set(POLICY.copied_tables)


def test_rows_that_did_not_change_are_not_written(clinic: Scene) -> None:
    manifest = clinic.back_up()
    clinic.execute("DELETE FROM notes WHERE id = (SELECT min(id::text)::uuid FROM notes)")
    versions = "SELECT id, xmin::text FROM patients ORDER BY id"
    before = clinic.installation.rows(versions)
    clinic.restore(manifest)
    assert clinic.installation.rows(versions) == before


@pytest.mark.parametrize("is_locked", [True, False], ids=["a table with links", "another table"])
def test_tables_whose_links_no_constraint_guards_stand_still_until_the_commit(clinic: Scene, is_locked: bool) -> None:
    """An id that is written to them after the look, and before the rows that it names go, would point at nothing."""
    table = "sent_emails" if is_locked else "clinics"
    manifest = clinic.back_up()
    add_patient(clinic.installation)
    loaded = clinic.load(manifest, PATIENT_DATA)
    restore_plan = clinic.plan(loaded)
    clinic.answer(restore_plan)
    refused = []

    def write(*_: object) -> int:
        with psycopg.connect(clinic.installation.database.uri(), options="-c lock_timeout=50ms") as staff:
            try:
                staff.execute(f"UPDATE {table} SET id = id".encode())
            except psycopg.errors.LockNotAvailable:
                refused.append(table)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nexus_import.nexus.restore.restoring.advance_sequences", write)
        clinic.write(loaded, restore_plan)
    assert set(refused) == ({table} if is_locked else set())


def test_readers_are_not_held_up(bare: Scene, loaded: Loaded, plan: RestorePlan) -> None:
    """Seen from inside the transaction, when every row is written and nothing is committed."""
    bare.answer(plan)
    counts = []

    def look(*_: object) -> int:
        with psycopg.connect(bare.installation.database.uri(), options="-c lock_timeout=1s") as reader:
            counts.append(reader.execute("SELECT count(*) FROM patients").fetchall()[0][0])
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nexus_import.nexus.restore.restoring.advance_sequences", look)
        bare.write(loaded, plan)
    assert set(counts) == {1}
    assert bare.value("SELECT count(*) FROM patients") == 3
