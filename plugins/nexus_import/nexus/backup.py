"""The backup: every table of the Nexus schema as CSV, in one snapshot, compressed and streamed to S3.

A manifest, written last, tells columns, rows and checksums; without it there is no backup. No object is ever
overwritten: a further backup of the same run is a further attempt with a folder of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import zstandard
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from nexus_import.errors import BackupError
from nexus_import.nexus.catalog import read_columns, read_tables
from nexus_import.nexus.working_copy import live
from nexus_import.storage import ObjectStore

CORE_TABLES = ("patients", "appointments", "documents_document", "images_image", "images_batch")
COMPRESSION_LEVEL = 3
FORMAT_VERSION = 1


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
        """Take the blocks of a psycopg copy."""
        self._blocks = blocks
        self._rest = b""
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._rest += bytes(block)
        cut = len(self._rest) if size < 0 else size
        answer, self._rest = self._rest[:cut], self._rest[cut:]
        self._digest.update(answer)
        return answer

    def hexdigest(self) -> str:
        """Return the SHA-256 of the CSV read so far."""
        return self._digest.hexdigest()


def take_backup(
    connection: Connection[Any], store: ObjectStore, run_id: str, attempt: int, marked: list[str]
) -> Backup:
    """Write every table to S3 and return the backup; `connection` is in a REPEATABLE READ transaction.

    `marked` are the tables whose change marks are kept, so that a later copy can tell whether they changed.
    Raises `BackupError` when a core table is empty although an earlier backup had rows.
    """
    folder = store.key("backups", run_id, f"{attempt:03d}")
    tables = [_back_up_table(connection, store, folder, table) for table in read_tables(connection)]
    _refuse_empty_core(connection, tables)
    version = connection.execute("SHOW server_version").fetchone()
    manifest = {
        "format": FORMAT_VERSION,
        "run_id": run_id,
        "attempt": attempt,
        "taken_at": datetime.now(UTC).isoformat(),
        "server_version": version[0] if version else "",
        "tables": tables,
    }
    stored = store.put_json(f"{folder}/manifest.json", manifest)
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


def _back_up_table(connection: Connection[Any], store: ObjectStore, folder: str, table: str) -> dict[str, Any]:
    columns = [column.name for column in read_columns(connection, table)]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor = connection.cursor()
    with cursor.copy(
        sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)").format(names, live(table))
    ) as copy:
        csv = CopyReader(iter(copy))
        packed = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).stream_reader(csv)  # type: ignore[arg-type]  # only read() is used
        stored = store.put_stream(f"{folder}/{table}.csv.zst", packed, "application/zstd")
    return {
        "table": table,
        "key": stored.key,
        "columns": columns,
        "row_count": cursor.rowcount,
        "byte_count": stored.byte_count,
        "sha256": stored.sha256,
        "csv_sha256": csv.hexdigest(),
    }


def _refuse_empty_core(connection: Connection[Any], tables: list[dict[str, Any]]) -> None:
    rows = {table["table"]: table["row_count"] for table in tables}
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
    """Return a mark per table that differs when a row was added, changed or removed since."""
    marks = {}
    for table in tables:
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


def next_attempt(store: ObjectStore, run_id: str) -> int:
    """Return the number of the run's next backup: one more than any folder that exists, finished or not."""
    folder = store.key("backups", run_id, "")
    numbers = {int(key.removeprefix(folder).split("/", 1)[0]) for key in store.list_keys(folder)}
    return max(numbers, default=0) + 1
