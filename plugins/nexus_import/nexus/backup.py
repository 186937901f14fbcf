"""The backup: every table of Nexus, of every schema, as CSV, in one snapshot, compressed and streamed to S3.

A manifest, written last, tells columns, rows and checksums; without it there is no backup. No object is ever
overwritten: a further backup of the same run is a further attempt with a folder of its own. The tables by which the
import remembers earlier runs are saved beside Nexus's own, so that a restore puts back what it remembered then.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import zstandard
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from nexus_import.errors import BackupError
from nexus_import.nexus.catalog import read_all_tables, read_columns, split_name
from nexus_import.nexus.catalog_hazards import read_unsaved_tables
from nexus_import.nexus.manifest import FORMAT_VERSION, IMPORT, MANIFEST
from nexus_import.nexus.session import allow_waiting, pin_formats
from nexus_import.nexus.shapes import Shape, last_value, read_shape
from nexus_import.nexus.sql import names
from nexus_import.nexus.working_copy import live
from nexus_import.storage import ObjectStore

log = logging.getLogger(__name__)

CORE_TABLES = ("patients", "appointments", "documents_document", "images_image", "images_batch")
MEMORY_TABLES = ("identity", "published_row")
"""Tables of the journal: which row each FileMaker record became, and what FileMaker said at the last publish."""
COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class Backup:
    """A finished backup as the journal holds it."""

    run_id: str
    attempt: int
    manifest_key: str
    manifest_sha256: str
    table_count: int
    row_count: int
    byte_count: int
    change_marks: dict[str, str]


class CopyReader:
    """A COPY … TO STDOUT read as a stream; counts the uncompressed bytes."""

    def __init__(self, blocks: Iterator[bytes | bytearray | memoryview]) -> None:
        """Take the blocks of a psycopg copy: one a row, so one may be very large."""
        self._blocks = blocks
        self._rest = memoryview(b"")
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        parts: list[memoryview] = []
        missing = size
        while missing:
            if not self._rest:
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = memoryview(block)
                continue
            # slices of a view: a large row is not copied again for each part that is read of it
            part = self._rest if missing < 0 else self._rest[:missing]
            self._rest = self._rest[len(part) :]
            parts.append(part)
            missing -= len(part) if missing > 0 else 0
        answer = b"".join(parts)
        self._digest.update(answer)
        return answer

    def hexdigest(self) -> str:
        """Return the SHA-256 of the CSV read so far."""
        return self._digest.hexdigest()


def take_backup(
    connection: Connection[Any],
    store: ObjectStore,
    run_id: str,
    attempt: int,
    marked: list[str],
    *,
    purpose: str = IMPORT,
    counted: Callable[[list[str]], Iterable[str]] = iter,
) -> Backup:
    """Write every table to S3 and return the backup; `connection` is in a REPEATABLE READ transaction.

    `marked` are the tables whose change marks are kept, so that a later copy can tell whether they changed; `counted`
    hands on the names of the tables one by one and may tell how far it is.
    Raises `BackupError` when a core table is empty although an earlier backup had rows, unless the `purpose` is a
    restore: that one saves live Nexus in whatever state it is.
    """
    pin_formats(connection)
    allow_waiting(connection)
    folder = store.key("backups", run_id, f"{attempt:03d}")
    left_out = read_unsaved_tables(connection)
    for table, why in left_out.items():
        log.warning("Table %s is not backed up: %s", table, why)
    names_of_tables = [table for table in read_all_tables(connection) if table not in left_out]
    tables = [_back_up_table(connection, store, folder, *split_name(table)) for table in counted(names_of_tables)]
    memory = [_back_up_table(connection, store, folder, "nexus_import", table) for table in _memory_tables(connection)]
    # what the store took, it may have lost
    if lost := _find_lost(store, folder, [*tables, *memory]):
        raise BackupError(
            f"The object store took the backup and did not keep it: {lost}. Look at the store, then clear this task "
            "with downstream."
        )
    if purpose == IMPORT:
        _refuse_empty_core(connection, tables)
    version = connection.execute("SHOW server_version").fetchone()
    manifest = {
        "format": FORMAT_VERSION,
        "run_id": run_id,
        "attempt": attempt,
        "purpose": purpose,
        "taken_at": datetime.now(UTC).isoformat(),
        "server_version": version[0] if version else "",
        "tables": tables,
        "memory": memory,
        "left_out": left_out,
        "publications": _publications(connection),
    }
    stored = store.put_json(f"{folder}/{MANIFEST}", manifest)
    return Backup(
        run_id,
        attempt,
        stored.key,
        stored.sha256,
        len(tables),
        sum(table["row_count"] for table in tables),
        sum(table["byte_count"] for table in tables),
        change_marks(connection, marked),
    )


def _memory_tables(connection: Connection[Any]) -> list[str]:
    return [table for table in MEMORY_TABLES if read_shape(connection, table, "nexus_import")]


def _publications(connection: Connection[Any]) -> list[int]:
    """Return the plans whose rows live Nexus holds at this moment: published, and not undone."""
    if not _has_journal(connection):
        return []
    rows = connection.execute("SELECT plan_id FROM nexus_import.publication WHERE undone_at IS NULL ORDER BY plan_id")
    return [plan_id for (plan_id,) in rows]


def _has_journal(connection: Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass('nexus_import.publication') IS NOT NULL").fetchone()
    return bool(row and row[0])


def find_damage(store: ObjectStore, manifest_key: str, manifest_sha256: str) -> str | None:
    """Return what a finished backup has lost on S3 since it was taken, None when all of it is there.

    Objects are compared by size; a restore compares their checksums.
    """
    body = store.find_bytes(manifest_key)
    if body is None:
        return "its manifest has gone"
    if hashlib.sha256(body).hexdigest() != manifest_sha256:
        return "its manifest is not what was written (its SHA-256 differs)"
    manifest = json.loads(body)
    return _find_lost(store, manifest_key.rpartition("/")[0], [*manifest["tables"], *manifest.get("memory", ())])


def _find_lost(store: ObjectStore, folder: str, tables: list[dict[str, Any]]) -> str | None:
    listed = {entry.key: entry.byte_count for entry in store.list_objects(f"{folder}/")}
    lost = [table["key"] for table in tables if listed.get(table["key"]) != table["byte_count"]]
    if not lost:
        return None
    return f"{len(lost):,} of its {len(tables):,} objects have gone or are not as they were written, {lost[0]} for one"


def _back_up_table(
    connection: Connection[Any], store: ObjectStore, folder: str, schema: str, table: str
) -> dict[str, Any]:
    shape = read_shape(connection, table, schema)
    if shape is None:
        raise BackupError(f"Table {table} went from Nexus while it was backed up. Take the backup again.")
    cursor = connection.cursor()
    with cursor.copy(export(shape)) as copy:
        csv = CopyReader(iter(copy))
        packed = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).stream_reader(csv)  # type: ignore[arg-type]  # only read() is used
        name = table if schema == "public" else f"{schema}.{table}"
        stored = store.put_stream(f"{folder}/{name}.csv.zst", packed, "application/zstd")
    return {
        "schema": schema,
        "table": table,
        "key": stored.key,
        "columns": [
            {"name": column.name, "type": column.type, "generated": column.is_generated} for column in shape.columns
        ],
        "sequences": [
            {"column": sequence.column, "sequence": sequence.name, "last_value": last_value(connection, sequence)}
            for sequence in shape.sequences
        ],
        "row_count": cursor.rowcount,
        "byte_count": stored.byte_count,
        "sha256": stored.sha256,
        "csv_sha256": csv.hexdigest(),
    }


def export(shape: Shape) -> sql.Composed:
    """Return the COPY that writes a table as the backup holds it: NULL is bare, every value is quoted."""
    return as_csv(sql.SQL("SELECT {} FROM {}").format(names(shape.column_names), shape.own_rows))


def as_csv(query: sql.Composable) -> sql.Composed:
    """Return the COPY that writes a query's rows in the form of the backup."""
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)").format(query)


def _refuse_empty_core(connection: Connection[Any], tables: list[dict[str, Any]]) -> None:
    rows = {table["table"]: table["row_count"] for table in tables if table["schema"] == "public"}
    for table in CORE_TABLES:
        if rows.get(table) == 0 and (_was_filled(connection, table)):
            raise BackupError(
                f"The backup's {table} is empty although an earlier backup had rows: live Nexus may have been emptied. "
                "Nothing was changed. Look at live Nexus and restore it if it is, then trigger a new run."
            )


def _was_filled(connection: Connection[Any], table: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM nexus_import.backup WHERE change_marks ->> %s NOT LIKE '0:%%')", (table,)
    ).fetchone()
    return bool(row and row[0])


def change_marks(connection: Connection[Any], tables: list[str]) -> dict[str, str]:
    """Return a mark per table that differs when a row was added, changed or removed since.

    A table that Nexus does not have, or that has no id, gets none: the schema guard stops the run and says so.
    """
    marks = {}
    for table in tables:
        if not any(column.name == "id" for column in read_columns(connection, table)):
            continue
        row = connection.execute(
            sql.SQL(
                "SELECT count(*), COALESCE(sum(hashtextextended(id::text || xmin::text, 0)::numeric), 0) FROM {}"
            ).format(live(table))
        ).fetchone()
        marks[table] = f"{row[0]}:{row[1]}" if row else ""
    return marks


def record_backup(connection: Connection[Any], backup: Backup) -> None:
    """Write the finished backup to the journal."""
    connection.execute(
        "INSERT INTO nexus_import.backup (run_id, attempt, manifest_key, manifest_sha256, table_count, row_count,"
        " byte_count, change_marks) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            backup.run_id,
            backup.attempt,
            backup.manifest_key,
            backup.manifest_sha256,
            backup.table_count,
            backup.row_count,
            backup.byte_count,
            Jsonb(backup.change_marks),
        ),
    )


def latest_backup(connection: Connection[Any], run_id: str) -> Backup | None:
    """Return the run's newest finished backup, None when it has none."""
    row = connection.execute(
        "SELECT run_id, attempt, manifest_key, manifest_sha256, table_count, row_count, byte_count, change_marks"
        " FROM nexus_import.backup WHERE run_id = %s ORDER BY attempt DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return Backup(*row) if row else None


def next_attempt(connection: Connection[Any], store: ObjectStore, run_id: str) -> int:
    """Return the number of the run's next backup: one more than any folder that exists, finished or not.

    One that the journal knows counts also when the store has lost it.
    """
    folder = store.key("backups", run_id, "")
    numbers = {int(key.removeprefix(folder).split("/", 1)[0]) for key in store.list_keys(folder)}
    known = latest_backup(connection, run_id) if _has_journal(connection) else None
    return max(numbers | {known.attempt if known else 0}) + 1
