"""Retention: what is too old goes, the newest good one of each kind stays however old it is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.backup import Backup, record_backup
from nexus_import.nexus.journal import create_journal
from nexus_import.nexus.manifest import IMPORT, RESTORE
from nexus_import.nexus.retention import RetentionDays, remove_expired
from nexus_import.nexus.staging import lock_staging
from nexus_import.nexus.working_copy import read_stamp, require_copy
from nexus_import.storage import ObjectStore

from tests.nexus.manual_run import ManualRun
from tests.support.installation import BUCKET

DAYS = RetentionDays(backup=30, snapshot=20, working_copy=10, undo=5)
NOW = datetime.now(UTC)
"""Objects cannot be made old: the tests look at them from later on."""


@pytest.fixture
def store(run: ManualRun) -> ObjectStore:
    """A folder of the bucket that no other test uses."""
    return ObjectStore(run.installation.s3(), BUCKET, f"retention-{uuid.uuid4()}", "AES256")


def put_backup(
    run: ManualRun, store: ObjectStore, run_id: str, attempt: int, *, manifest: bool = True, purpose: str = IMPORT
) -> str:
    """Store an attempt of a backup, finished (with a manifest) or interrupted; return its folder."""
    folder = store.key("backups", run_id, f"{attempt:03d}")
    rows = store.put_bytes(f"{folder}/patients.csv.zst", b"rows", "application/zstd")
    if manifest:
        table = {"key": rows.key, "byte_count": rows.byte_count}
        content = {"run": run_id, "attempt": attempt, "purpose": purpose, "tables": [table], "memory": []}
        stored = store.put_json(f"{folder}/manifest.json", content)
        record_backup(run.connection, Backup(run_id, attempt, stored.key, stored.sha256, 1, 1, 1, {}))
    return folder


def put_snapshot(run: ManualRun, store: ObjectStore, run_id: str, entity: str, attempt: int = 1) -> str:
    """Store a finished snapshot; return its folder."""
    folder = store.key("snapshots", run_id, entity, f"{attempt:03d}")
    page = store.put_bytes(f"{folder}/page-000001.jsonl.zst", b"records", "application/zstd")
    stored = store.put_json(f"{folder}/manifest.json", {"run": run_id, "pages": [vars(page)]})
    run.connection.execute(
        "INSERT INTO nexus_import.snapshot (run_id, entity, attempt, manifest_key, manifest_sha256, record_count)"
        " VALUES (%s, %s, %s, %s, %s, 1)",
        (run_id, entity, attempt, stored.key, stored.sha256),
    )
    return folder


def folders(store: ObjectStore) -> set[str]:
    """Return the folders that still hold an object."""
    return {key.rpartition("/")[0] for key in store.list_keys(store.key(""))}


def remove(run: ManualRun, store: ObjectStore, *, after_days: int, run_id: str = "the run itself") -> dict[str, int]:
    """Remove what has expired, looked at some days from now."""
    with run.connection.transaction():
        return remove_expired(run.connection, store, run_id, DAYS, NOW + timedelta(days=after_days))


@pytest.fixture
def journal(run: ManualRun) -> ManualRun:
    """A run with a journal, and nothing else of its own on S3."""
    with run.connection.transaction():
        create_journal(run.connection)
    return run


def test_nothing_goes_before_its_days_are_over(journal: ManualRun, store: ObjectStore) -> None:
    put_backup(journal, store, "first", 1)
    put_backup(journal, store, "second", 1)
    put_snapshot(journal, store, "first", "patient")
    put_snapshot(journal, store, "second", "patient")
    before = folders(store)
    assert set(remove(journal, store, after_days=4).values()) == {0}
    assert folders(store) == before
    assert read_stamp(journal.connection) is not None


def test_old_backups_go_but_for_the_newest_good_one(journal: ManualRun, store: ObjectStore) -> None:
    put_backup(journal, store, "first", 1)
    good = put_backup(journal, store, "second", 1)
    put_backup(journal, store, "second", 2, manifest=False)
    changed = put_backup(journal, store, "third", 1)
    store._client.put_object(Bucket=BUCKET, Key=f"{changed}/manifest.json", Body=b"{}")
    assert remove(journal, store, after_days=31)["backups"] == 3
    assert folders(store) == {good}
    assert set(store.list_keys(good)) == {f"{good}/manifest.json", f"{good}/patients.csv.zst"}
    assert remove(journal, store, after_days=3100)["backups"] == 0


@pytest.mark.parametrize("name", ["patients.csv.zst", "manifest.json"])
@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "shortened"])
def test_backup_that_is_not_whole_is_not_the_last_one_to_keep(
    journal: ManualRun, store: ObjectStore, name: str, is_lost: bool
) -> None:
    good = put_backup(journal, store, "first", 1)
    damaged = put_backup(journal, store, "second", 1)
    store.remove(f"{damaged}/{name}")
    if not is_lost:
        store.put_bytes(f"{damaged}/{name}", b"", "application/zstd")
    assert remove(journal, store, after_days=31)["backups"] == 1
    assert folders(store) == {good}


def test_what_a_restore_saved_is_not_the_last_backup_of_an_import(journal: ManualRun, store: ObjectStore) -> None:
    good = put_backup(journal, store, "first", 1)
    put_backup(journal, store, "second", 1, purpose=RESTORE)
    assert remove(journal, store, after_days=31)["backups"] == 1
    assert folders(store) == {good}


@pytest.mark.parametrize("body", [None, b"", b"others!"], ids=["lost", "shortened", "others"])
def test_snapshot_that_is_not_whole_is_not_the_last_one_to_keep(
    journal: ManualRun, store: ObjectStore, body: bytes | None
) -> None:
    good = put_snapshot(journal, store, "first", "patient")
    damaged = put_snapshot(journal, store, "second", "patient")
    store.remove(f"{damaged}/page-000001.jsonl.zst")
    if body is not None:
        store.put_bytes(f"{damaged}/page-000001.jsonl.zst", body, "application/zstd")
    assert remove(journal, store, after_days=21)["snapshots"] == 1
    assert folders(store) == {good}


def test_a_backup_that_is_half_removed_has_no_manifest(
    journal: ManualRun, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = put_backup(journal, store, "first", 1)
    put_backup(journal, store, "second", 1)
    removed: list[str] = []

    def remove_one(key: str) -> None:
        if removed:
            raise OSError("cut off")
        removed.append(key)

    monkeypatch.setattr(store, "remove", remove_one)
    with pytest.raises(OSError, match="cut off"):
        remove(journal, store, after_days=31)
    assert removed == [f"{half}/manifest.json"]


def test_old_snapshots_go_but_for_the_newest_of_each_entity(journal: ManualRun, store: ObjectStore) -> None:
    put_snapshot(journal, store, "first", "patient")
    note = put_snapshot(journal, store, "first", "note")
    put_snapshot(journal, store, "second", "patient", 1)
    patient = put_snapshot(journal, store, "second", "patient", 2)
    assert remove(journal, store, after_days=21)["snapshots"] == 2
    assert folders(store) == {note, patient}


def test_what_the_run_itself_made_stays(journal: ManualRun, store: ObjectStore) -> None:
    own = put_backup(journal, store, journal.run_id, 2)
    other = put_backup(journal, store, "other", 1)
    assert remove(journal, store, after_days=31, run_id=journal.run_id)["backups"] == 0
    assert folders(store) == {own, other}
    assert read_stamp(journal.connection) is not None


def test_old_working_copy_and_staged_records_go(journal: ManualRun, store: ObjectStore) -> None:
    with journal.connection.transaction():
        lock_staging(journal.connection, journal.run_id)
        journal.connection.execute("CREATE TABLE nexus_staging.patient (name text)")
    removed = remove(journal, store, after_days=11)
    assert (removed["working_copies"], removed["staging_areas"]) == (1, 1)
    left = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
    assert journal.installation.rows(left, "nexus_work") == [("stamp",)]
    assert journal.installation.rows(left, "nexus_staging") == [("stamp",)]
    with pytest.raises(WorkingCopyError, match="does not exist"), journal.connection.transaction():
        require_copy(journal.connection, journal.run_id)
    ManualRun(journal.installation, journal.connection).copy()


def test_rows_of_old_plans_go_but_those_of_the_newest_publish_stay(run: ManualRun, store: ObjectStore) -> None:
    run.copy()
    run.edit()
    first = run.plan()
    run.publish()
    second_run = ManualRun(run.installation, run.connection)
    second_run.copy()
    second_run.work("UPDATE nexus_work.patients SET title = 'Mx'")
    second = second_run.plan()
    second_run.publish()
    assert remove(run, store, after_days=6)["plans"] == 1
    kept = "SELECT DISTINCT plan_id FROM nexus_import.{}"
    for table in ("plan_row", "before_image"):
        assert run.installation.rows(kept.format(table)) == [(second.plan_id,)]
    assert run.installation.value("SELECT count(*) FROM nexus_import.plan WHERE plan_id = %s", first.plan_id) == 1


def test_newest_publish_that_changed_a_row_can_be_undone_however_old_it_is(run: ManualRun, store: ObjectStore) -> None:
    run.edit()
    plan = run.plan()
    run.publish()
    later = ManualRun(run.installation, run.connection)
    later.copy()
    assert later.plan().change_count == 0
    later.publish()
    assert remove(run, store, after_days=600)["plans"] == 0
    kept = "SELECT count(*) FROM nexus_import.before_image WHERE plan_id = %s"
    assert run.installation.value(kept, plan.plan_id) == plan.change_count


def test_rehearsed_plans_of_old_runs_go(run: ManualRun, store: ObjectStore) -> None:
    run.edit()
    plan = run.plan()
    assert remove(run, store, after_days=6, run_id=run.run_id)["plans"] == 0
    assert remove(run, store, after_days=6)["plans"] == 1
    assert run.installation.value("SELECT count(*) FROM nexus_import.plan_row WHERE plan_id = %s", plan.plan_id) == 0
