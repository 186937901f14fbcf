"""What a backup says of itself: the manifest, written last, and the backups that can be found by it.

Format 1 has only names of columns and nothing of the import's memory; format 2 has types, generated columns, values
of sequences, why the backup was taken, and the tables of the journal by which the import remembers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection

from nexus_import.errors import BackupError
from nexus_import.storage import ObjectStore

FORMAT_VERSION = 2
READABLE_FORMATS = (1, FORMAT_VERSION)
MANIFEST = "manifest.json"
IMPORT = "import"
RESTORE = "restore"
NEWEST = "newest"
_COLUMN_KEYS = ("name", "type", "generated")


@dataclass(frozen=True)
class SavedColumn:
    """A column as it was; `type` and `is_generated` are None in format 1, which does not know them."""

    name: str
    type: str | None = None
    is_generated: bool | None = None


@dataclass(frozen=True)
class SavedTable:
    """A table's object: SHA-256 of the object as stored and of the CSV in it, and what is in it."""

    schema: str
    table: str
    key: str
    columns: tuple[SavedColumn, ...]
    row_count: int
    byte_count: int
    sha256: str
    csv_sha256: str
    sequences: Mapping[str, int | None]
    """Last value by sequence, None for one that had given none."""

    @property
    def name(self) -> str:
        """The table as the policy names it; one of the import's own by its name alone."""
        return self.table if self.schema in ("public", "nexus_import") else f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Manifest:
    """One backup. `purpose` is "import" or "restore": what a restore saved before it changed anything.

    `publications` are the plans whose rows it holds, None in format 1. `left_out` are tables that are not in it, with
    the reason.
    """

    key: str
    sha256: str
    format: int
    run_id: str
    attempt: int
    taken_at: datetime
    server_version: str
    purpose: str
    tables: Mapping[str, SavedTable]
    memory: Mapping[str, SavedTable]
    publications: tuple[int, ...] | None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Run and attempt, as a person names the backup."""
        return f"{self.run_id}/{self.attempt:03d}"

    @property
    def row_count(self) -> int:
        """Rows of all Nexus tables."""
        return sum(table.row_count for table in self.tables.values())


@dataclass(frozen=True)
class FoundBackup:
    """A backup that the journal or the object store knows; `problem` says why it cannot be used, None when it can.

    `is_proven`: the journal holds the manifest's checksum, and it is that.
    """

    key: str
    manifest: Manifest | None
    problem: str | None
    is_proven: bool


def parse_manifest(key: str, body: bytes) -> Manifest:
    """Return the manifest; raise `BackupError` when this is none, or one of a format that is not known here."""
    try:
        content = json.loads(body)
        if content["format"] not in READABLE_FORMATS:
            raise BackupError(
                f"{key} has format {content['format']}; this version reads {' and '.join(map(str, READABLE_FORMATS))}."
            )
        return Manifest(
            key,
            hashlib.sha256(body).hexdigest(),
            content["format"],
            content["run_id"],
            content["attempt"],
            datetime.fromisoformat(content["taken_at"]),
            content["server_version"],
            content.get("purpose", IMPORT),
            _parse_tables(content["tables"]),
            _parse_tables(content.get("memory", [])),
            tuple(content["publications"]) if "publications" in content else None,
            content.get("left_out", {}),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{key} is not the manifest of a backup ({type(error).__name__}).") from error


def _parse_tables(entries: Iterable[dict[str, Any]]) -> dict[str, SavedTable]:
    return {table.name: table for table in map(_parse_table, entries)}


def _parse_table(entry: dict[str, Any]) -> SavedTable:
    columns = [
        SavedColumn(column) if isinstance(column, str) else SavedColumn(*(column[name] for name in _COLUMN_KEYS))
        for column in entry["columns"]
    ]
    return SavedTable(
        entry.get("schema", "public"),
        entry["table"],
        entry["key"],
        tuple(columns),
        entry["row_count"],
        entry["byte_count"],
        entry["sha256"],
        entry["csv_sha256"],
        {sequence["sequence"]: sequence["last_value"] for sequence in entry.get("sequences", [])},
    )


def find_backups(connection: Connection[Any], store: ObjectStore) -> list[FoundBackup]:
    """Return every backup that the journal or the object store knows, newest first; those with a problem last."""
    known = journal_checksums(connection)
    stored = {key for key in store.list_keys(store.key("backups", "")) if key.endswith(f"/{MANIFEST}")}
    found = [_look_at(store, key, key in stored, known.get(key)) for key in sorted(known.keys() | stored)]
    good = [backup for backup in found if backup.manifest is not None and backup.problem is None]
    good.sort(key=lambda backup: backup.manifest.taken_at if backup.manifest else datetime.min, reverse=True)
    return [*good, *(backup for backup in found if backup.problem is not None)]


def journal_checksums(connection: Connection[Any]) -> dict[str, str]:
    """Return the checksum of each manifest as the journal has it; empty when there is no journal."""
    row = connection.execute("SELECT to_regclass('nexus_import.backup') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return {}
    return dict(connection.execute("SELECT manifest_key, manifest_sha256 FROM nexus_import.backup").fetchall())


def read_manifest(connection: Connection[Any], store: ObjectStore, key: str) -> Manifest:
    """Return the manifest of this key; raise `BackupError` unless it is there and as the journal knows it."""
    backup = _look_at(store, key, store.exists(key), journal_checksums(connection).get(key))
    if backup.manifest is None or backup.problem:
        raise BackupError(f"The backup {key} cannot be used: {backup.problem}. Choose another one.")
    return backup.manifest


def _look_at(store: ObjectStore, key: str, is_stored: bool, checksum: str | None) -> FoundBackup:
    if not is_stored:
        return FoundBackup(key, None, "its manifest is not in the object store", False)
    body = store.get_bytes(key)
    if checksum is not None and hashlib.sha256(body).hexdigest() != checksum:
        return FoundBackup(key, None, "its manifest is not the one that the journal knows (SHA-256 differs)", False)
    try:
        return FoundBackup(key, parse_manifest(key, body), None, checksum is not None)
    except BackupError as error:
        return FoundBackup(key, None, str(error).rstrip("."), False)


def choose_backup(found: Iterable[FoundBackup], wanted: str) -> FoundBackup:
    """Return the backup that a person named: "newest", RUN or RUN/ATTEMPT.

    "newest" is the newest good one that an import took; what a restore saved before it worked is chosen by name only.
    One that the journal knows comes before any other: a store may hold backups of another Nexus too.
    Raises `BackupError` that says what is there.
    """
    found = list(found)
    good = [(backup, backup.manifest) for backup in found if backup.manifest is not None and not backup.problem]
    if wanted == NEWEST:
        imports = [backup for backup, manifest in good if manifest.purpose == IMPORT]
        chosen = next((backup for backup in imports if backup.is_proven), next(iter(imports), None))
    else:
        chosen = next((backup for backup, manifest in good if wanted in (manifest.name, manifest.run_id)), None)
    if chosen is not None:
        return chosen
    for backup in found:
        if backup.problem and f"/{wanted}/" in backup.key:
            raise BackupError(f"The backup {wanted} cannot be used: {backup.problem}. Choose another one.")
    names = ", ".join(manifest.name for _, manifest in good) or "none"
    what = "There is no backup of an import" if wanted == NEWEST else f"There is no backup '{wanted}'"
    raise BackupError(f"{what}. Backups that can be used, newest first: {names}.")
