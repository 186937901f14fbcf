"""The backup on a real S3 server: complete, exact, restorable, never overwritten, and of one moment."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import zstandard
from nexus_import.errors import BackupError
from nexus_import.nexus.backup import (
    CORE_TABLES,
    Backup,
    CopyReader,
    change_marks,
    latest_backup,
    next_attempt,
    record_backup,
    take_backup,
)
from nexus_import.nexus.journal import create_journal
from nexus_import.nexus.manifest import FORMAT_VERSION
from nexus_import.nexus.sql import names
from nexus_import.storage import ObjectStore
from psycopg import Connection, sql

from tests.nexus.live_rows import add_note, add_patient
from tests.nexus.manual_run import STAYS, TABLES
from tests.nexus.quick_run import FileMaker, make_quick_run
from tests.support.copies import connected
from tests.support.installation import Installation, start_installation

RUN = "manual__backed-up"
ODD_NAME = "Zoë \"quoted\", 'semi';\ttab\nnew line \\N"


@pytest.fixture
def store(installation: Installation) -> ObjectStore:
    return ObjectStore(installation.s3(), "nexus", f"backup-{installation.database.database}", "AES256")


@pytest.fixture
def journal(installation: Installation) -> Iterator[Connection[Any]]:
    with installation.importer() as connection:
        create_journal(connection)
        yield connection


def take(installation: Installation, store: ObjectStore, attempt: int = 1) -> Backup:
    uri = installation.database.uri("nexus_backup")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            return take_backup(connection, store, RUN, attempt, TABLES)


def manifest(store: ObjectStore, backup: Backup) -> dict[str, Any]:
    body = store.get_bytes(backup.manifest_key)
    assert hashlib.sha256(body).hexdigest() == backup.manifest_sha256
    content: dict[str, Any] = json.loads(body)
    return content


def unpacked(store: ObjectStore, key: str) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(store.get_bytes(key))).read()


def test_backup_is_complete_exact_and_restorable(
    installation: Installation, store: ObjectStore, journal: Connection[Any]
) -> None:
    add_patient(installation, first_name=ODD_NAME, middle_names="", title=None, flags_json='{"a": "", "b": null}')
    backup = take(installation, store)
    content = manifest(store, backup)
    tables = {table["table"]: table for table in content["tables"]}

    live = {
        name for (name,) in installation.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
    }
    assert set(tables) == live
    assert (content["run_id"], content["attempt"], content["format"]) == (RUN, 1, FORMAT_VERSION)
    assert content["server_version"] == installation.value("SHOW server_version")
    for name, table in tables.items():
        body, plain = store.get_bytes(table["key"]), unpacked(store, table["key"])
        assert table["sha256"] == hashlib.sha256(body).hexdigest()
        assert table["csv_sha256"] == hashlib.sha256(plain).hexdigest()
        assert table["byte_count"] == len(body)
        assert table["row_count"] == installation.value(f"SELECT count(*) FROM {name}")
        assert next(csv.reader(io.StringIO(plain.decode()))) == [column["name"] for column in table["columns"]]
        types = installation.rows(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum",
            name,
        )
        assert [(column["name"], column["type"]) for column in table["columns"]] == types
    assert backup.table_count == len(tables)
    assert backup.row_count == sum(table["row_count"] for table in tables.values())
    assert backup.byte_count == sum(table["byte_count"] for table in tables.values())
    for table in tables.values():
        assert_restores_equal(installation, store, table)


def assert_restores_equal(installation: Installation, store: ObjectStore, table: dict[str, Any]) -> None:
    """Load the CSV into an empty table of the same shape: every row must be the same, byte by byte."""
    name, columns = sql.Identifier(table["table"]), names([column["name"] for column in table["columns"]])
    with installation.database.cluster.connect(installation.database.database) as connection:
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE restored (LIKE public.{})").format(name))
        statement = sql.SQL("COPY restored ({}) FROM STDIN (FORMAT csv, HEADER MATCH)").format(columns)
        with connection.cursor().copy(statement) as copy:
            copy.write(unpacked(store, table["key"]))
        differing = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM (SELECT live::text FROM public.{} AS live"
                " EXCEPT ALL SELECT restored::text FROM restored) AS missing"
            ).format(name)
        ).fetchall()
        assert differing == [(0,)]
        assert connection.execute("SELECT count(*) FROM restored").fetchall() == [(table["row_count"],)]


def test_no_backup_is_overwritten(installation: Installation, store: ObjectStore, journal: Connection[Any]) -> None:
    assert next_attempt(journal, store, RUN) == 1
    first = take(installation, store, 1)
    before = {key: store.get_bytes(key) for key in store.list_keys(store.key("backups"))}
    assert next_attempt(journal, store, RUN) == 2
    with pytest.raises(BackupError, match="exists already and is never overwritten"):
        take(installation, store, 1)
    add_patient(installation)
    second = take(installation, store, 2)
    assert second.manifest_key != first.manifest_key
    assert second.row_count == first.row_count + 1
    assert {key: store.get_bytes(key) for key in before} == before


def test_backup_that_was_ended_halfway_counts_as_an_attempt_but_not_as_a_backup(
    installation: Installation, store: ObjectStore, journal: Connection[Any]
) -> None:
    store.put_bytes(store.key("backups", RUN, "001", "patients.csv.zst"), b"half", "application/zstd")
    assert next_attempt(journal, store, RUN) == 2
    assert latest_backup(journal, RUN) is None
    record_backup(journal, Backup(RUN, 2, "key", "digest", 45, 7, 9, {"patients": "1:2"}))
    # also when the store has lost it
    assert next_attempt(journal, store, RUN) == 3
    record_backup(journal, Backup(RUN, 3, "key", "digest", 45, 7, 9, {}))
    latest = latest_backup(journal, RUN)
    assert latest == Backup(RUN, 3, "key", "digest", 45, 7, 9, {})
    assert latest_backup(journal, "another") is None


def test_core_table_that_became_empty_is_refused(
    installation: Installation, store: ObjectStore, journal: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.execute(f"TRUNCATE {', '.join(CORE_TABLES)} CASCADE")
    monkeypatch.setattr("nexus_import.nexus.backup.read_all_tables", lambda connection: list(CORE_TABLES))
    never_filled = take(installation, store, 1)
    record_backup(journal, never_filled)
    assert take(installation, store, 2).row_count == 0
    for attempt, table in enumerate(CORE_TABLES, 3):
        marks = dict.fromkeys(CORE_TABLES, "0:0") | {table: "5:123"}
        record_backup(journal, Backup("earlier", attempt, "key", "digest", 1, 1, 1, marks))
        with pytest.raises(BackupError, match=f"backup's {table} is empty although an earlier backup had rows"):
            take(installation, store, attempt)
        assert not store.exists(store.key("backups", RUN, f"{attempt:03d}", "manifest.json"))
        journal.execute("DELETE FROM nexus_import.backup WHERE run_id = 'earlier'")


def test_change_marks_notice_every_kind_of_write(installation: Installation, journal: Connection[Any]) -> None:
    marks = [change_marks(journal, ["patients", "notes"])]
    assert change_marks(journal, ["patients", "notes"]) == marks[0]
    patient = add_patient(installation)
    marks.append(change_marks(journal, ["patients", "notes"]))
    installation.execute("UPDATE patients SET title = title WHERE id = %s", patient)
    marks.append(change_marks(journal, ["patients", "notes"]))
    installation.execute("DELETE FROM patients WHERE id = %s", patient)
    marks.append(change_marks(journal, ["patients", "notes"]))
    installation.execute("UPDATE notes SET id = id WHERE id = (SELECT min(id::text)::uuid FROM notes)")
    marks.append(change_marks(journal, ["patients", "notes"]))
    patients, notes = ([mark[table] for mark in marks] for table in ("patients", "notes"))
    assert len(set(patients[:3])) == 3
    assert patients[3:] == [patients[0]] * 2
    assert len(set(notes[:4])) == 1
    assert notes[4] != notes[0]


def test_manifest_has_the_sequences_and_what_the_import_remembers(
    installation: Installation, store: ObjectStore, journal: Connection[Any]
) -> None:
    journal.execute("INSERT INTO nexus_import.identity VALUES ('note', 'a', gen_random_uuid(), 'new')")
    # given and rolled back: the row is not there, the number is used up
    with installation.owner() as connection, connection.transaction(force_rollback=True):
        connection.execute("SELECT nextval(pg_get_serial_sequence('auth_user', 'id'))")
    content = manifest(store, take(installation, store))
    users = next(table for table in content["tables"] if table["table"] == "auth_user")
    given = installation.value("SELECT last_value FROM auth_user_id_seq")
    assert users["sequences"] == [{"column": "id", "sequence": "auth_user_id_seq", "last_value": given}]
    memory = {table["table"]: table for table in content["memory"]}
    assert {name: table["row_count"] for name, table in memory.items()} == {"identity": 1, "published_row": 0}
    assert b'"note","a",' in unpacked(store, memory["identity"]["key"])
    assert content["publications"] == []


def test_large_value_is_read_in_small_pieces_without_copying_it_each_time() -> None:
    """Each piece of a row of 50 MB would else copy the rest of it: terabytes."""
    row = bytes(50_000_000)
    reader = CopyReader(iter([row, b"end"]))
    tracemalloc.start()
    pieces = 0
    while piece := reader.read(1000):
        pieces += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pieces == len(row) + 3
    assert peak < 1_000_000


def test_csv_is_read_in_any_pieces() -> None:
    body = bytes(range(256)) * 5
    reader = CopyReader(iter([body[:1], b"", body[1:700], memoryview(body[700:])]))
    pieces = list(iter(lambda: reader.read(37), b""))
    assert b"".join(pieces) == body
    assert {len(piece) for piece in pieces[:-1]} == {37}
    assert reader.hexdigest() == hashlib.sha256(body).hexdigest()
    assert CopyReader(iter([b"a", b"b"])).read() == b"ab"


def test_write_between_backup_and_copy_leads_to_a_second_backup_that_holds_it(parts: Any, dag: Any, stage: str) -> None:
    with start_installation(parts, stage) as installation, connected(installation):
        run = make_quick_run(installation, dag, FileMaker(parts), mode="rehearse")
        run.go(until="phase_0_validate.gate")
        note = add_note(installation, STAYS, "written meanwhile")
        run.go(until="phase_1_preserve.copy_tables")
        assert run.errors == {}
        query = "SELECT attempt, manifest_key FROM nexus_import.backup WHERE run_id = %s ORDER BY attempt"
        backups = installation.rows(query, run.run_id)
        assert [attempt for attempt, _ in backups] == [1, 2]
        assert installation.value("SELECT backup_attempt FROM nexus_work.stamp") == 2
        store = ObjectStore(installation.s3(), "nexus", "nexus-import", "AES256")
        tables = {table["table"]: table for table in json.loads(store.get_bytes(backups[1][1]))["tables"]}
        assert note.encode() in unpacked(store, tables["notes"]["key"])
        run.clear("phase_1_preserve.copy_tables", downstream=False).go(until="phase_1_preserve.copy_tables")
        assert installation.rows(query, run.run_id) == backups
