"""The snapshot: FileMaker's records as they were fetched, page by page, on S3.

A page is one compressed object of JSON lines; the manifest, written last, names the pages with their checksums.
A fetch that was interrupted goes on after its last stored page; one that had finished starts a new attempt.
Field values are kept as they came and read by nothing but the staging.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zstandard

from nexus_import.errors import DataError
from nexus_import.storage import ObjectStore, StoredObject

COMPRESSION_LEVEL = 3
MANIFEST = "manifest.json"
SnapshotRecord = tuple[str, str, Mapping[str, object]]
"""(record id, modification id, fields)."""


@dataclass(frozen=True)
class StoredPage:
    """One page on S3; `is_reread` pages replace records of earlier ones."""

    number: int
    key: str
    sha256: str
    record_count: int
    is_reread: bool


@dataclass(frozen=True)
class Progress:
    """What an unfinished attempt has stored: the walk's last cursor, and modId by recordId of all its records."""

    cursor: dict[str, Any]
    already_read: dict[str, str]


class Snapshot:
    """One entity's snapshot of one run; `attempt` counts from 1."""

    def __init__(self, store: ObjectStore, run_id: str, entity: str, attempt: int) -> None:
        """Point at the attempt's folder; nothing is read or written yet."""
        self._store = store
        self._run_id = run_id
        self.entity = entity
        self._begin(attempt)

    def _begin(self, attempt: int) -> None:
        self.attempt = attempt
        self._folder = self._store.key("snapshots", self._run_id, self.entity, f"{attempt:03d}")
        self._pages: list[StoredPage] = []
        self._page_of: dict[str, int] = {}
        self._repeated: set[str] = set()

    @classmethod
    def open(cls, store: ObjectStore, run_id: str, entity: str) -> Snapshot:
        """Return the attempt to write: the unfinished one, else the next."""
        folder = store.key("snapshots", run_id, entity, "")
        attempts: dict[int, bool] = {}
        for key in store.list_keys(folder):
            number, name = key.removeprefix(folder).split("/", 1)
            attempts[int(number)] = attempts.get(int(number), False) or name == MANIFEST
        last = max(attempts, default=0)
        return cls(store, run_id, entity, last if last and not attempts[last] else last + 1)

    @property
    def manifest_key(self) -> str:
        """The key of the manifest."""
        return f"{self._folder}/{MANIFEST}"

    def resume(self) -> Progress | None:
        """Return how far an interrupted fetch of this attempt came, None when it has not begun.

        An attempt of which the store has lost or damaged a page is left behind, and the next one begins.
        """
        with suppress(DataError):
            progress = self._read_progress()
            if progress is None or progress.cursor["read_count"] == len(progress.already_read):
                return progress
        self._begin(self.attempt + 1)
        return None

    def _read_progress(self) -> Progress | None:
        already_read: dict[str, str] = {}
        cursor: dict[str, Any] | None = None
        for key in self._store.list_keys(f"{self._folder}/page-"):
            metadata = self._store.metadata(key)
            page = StoredPage(
                int(metadata["page"]),
                key,
                metadata["sha256"],
                int(metadata["records"]),
                metadata["reread"] == "yes",
            )
            self._pages.append(page)
            cursor = json.loads(metadata["cursor"])
            records = list(self._read_page(page))
            already_read |= {record_id: mod_id for record_id, mod_id, _ in records}
            self._note_page(page.number, records)
        return Progress(cursor, already_read) if cursor else None

    def write_page(
        self, number: int, records: list[SnapshotRecord], cursor: dict[str, Any], *, is_reread: bool
    ) -> None:
        """Store one page with the cursor that continues after it."""
        # ASCII only: half of a character (an emoji that was cut) cannot be encoded, but escaped it can be kept.
        lines = "\n".join(json.dumps(record, default=str) for record in records)
        stored = self._store.put_bytes(
            f"{self._folder}/page-{number:06d}.jsonl.zst",
            zstandard.compress(lines.encode(), COMPRESSION_LEVEL),
            "application/zstd",
            {
                "page": str(number),
                "records": str(len(records)),
                "reread": "yes" if is_reread else "no",
                "cursor": json.dumps(cursor),
            },
        )
        self._pages.append(StoredPage(number, stored.key, stored.sha256, len(records), is_reread))
        self._note_page(number, records)

    def finish(self, summary: dict[str, Any], vanished_record_ids: tuple[str, ...]) -> StoredObject:
        """Write the manifest: the attempt is complete."""
        return self._store.put_json(
            self.manifest_key,
            {
                "entity": self.entity,
                "attempt": self.attempt,
                "summary": summary,
                "vanished_record_ids": vanished_record_ids,
                "last_page_of": {record_id: self._page_of[record_id] for record_id in sorted(self._repeated)},
                "pages": [vars(page) for page in self._pages],
            },
        )

    def _note_page(self, number: int, records: list[SnapshotRecord]) -> None:
        """Remember which page holds the newest reading of a record that was handed out more than once."""
        for record_id, _, _ in records:
            if record_id in self._page_of:
                self._repeated.add(record_id)
            self._page_of[record_id] = number

    def _read_page(self, page: StoredPage) -> Iterator[SnapshotRecord]:
        return read_page(self._store, page)


def _read_whole(store: ObjectStore, key: str, sha256: str) -> bytes:
    body = store.find_bytes(key)
    if body is None or hashlib.sha256(body).hexdigest() != sha256:
        why = "has gone from the object store" if body is None else "is not what was written (its SHA-256 differs)"
        raise DataError(
            f"Snapshot object {key} {why}. "
            "Clear phase_0_validate.verify_filemaker with downstream to read FileMaker again."
        )
    return body


def read_page(store: ObjectStore, page: StoredPage) -> Iterator[SnapshotRecord]:
    """Yield the records of a page; raise `DataError` when its checksum is not the manifest's."""
    text = zstandard.decompress(_read_whole(store, page.key, page.sha256)).decode()
    for line in text.split("\n") if text else []:
        record_id, mod_id, fields = json.loads(line)
        yield record_id, mod_id, fields


def read_snapshot(store: ObjectStore, manifest_key: str, manifest_sha256: str) -> Iterator[SnapshotRecord]:
    """Yield the records of a finished snapshot once each, the newest reading of each, without the vanished ones."""
    manifest = json.loads(_read_whole(store, manifest_key, manifest_sha256))
    pages = [StoredPage(**page) for page in manifest["pages"]]
    left_out = set(manifest["vanished_record_ids"])
    last_page_of: dict[str, int] = manifest["last_page_of"]
    for page in pages:
        for record in read_page(store, page):
            if record[0] not in left_out and last_page_of.get(record[0], page.number) == page.number:
                yield record


def find_damage(store: ObjectStore, manifest_key: str, manifest_sha256: str) -> str | None:
    """Return what a finished snapshot has lost since it was written, None when it can be read whole."""
    try:
        manifest = json.loads(_read_whole(store, manifest_key, manifest_sha256))
        for page in manifest["pages"]:
            _read_whole(store, page["key"], page["sha256"])
    except DataError as error:
        return str(error)
    return None
