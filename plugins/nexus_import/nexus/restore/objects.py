"""The objects of a backup, read as streams: unpacked and checked on the way, never whole in memory."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator

import zstandard

from nexus_import.errors import BackupError
from nexus_import.nexus.manifest import SavedTable
from nexus_import.storage import HashingReader, ObjectStore

log = logging.getLogger(__name__)

BLOCK_BYTES = 128 * 1024


def read_csv(store: ObjectStore, saved: SavedTable) -> Iterator[bytes]:
    """Yield a table's CSV in blocks of at most BLOCK_BYTES.

    Raises `BackupError`, at the latest after the last block, when the object is missing, cut off or not what the
    manifest says. Whoever writes the blocks somewhere must not keep them then.
    """
    if not store.exists(saved.key):
        raise BackupError(f"The backup's object of {saved.name} is missing ({saved.key}). Choose another backup.")
    content = hashlib.sha256()
    with store.open_stream(saved.key) as body:
        packed = HashingReader(body)
        try:
            with zstandard.ZstdDecompressor().stream_reader(packed) as csv:  # type: ignore[arg-type]  # only read() is used
                while block := csv.read(BLOCK_BYTES):
                    content.update(block)
                    yield block
        except zstandard.ZstdError as error:
            raise _damaged(saved, "it cannot be unpacked") from error
        while packed.read(BLOCK_BYTES):  # what may follow the packed stream belongs to the object
            pass
    if packed.byte_count != saved.byte_count:
        raise _damaged(saved, f"it has {packed.byte_count:,} bytes instead of {saved.byte_count:,}")
    if packed.hexdigest() != saved.sha256:
        raise _damaged(saved, "its SHA-256 differs from the manifest's")
    if content.hexdigest() != saved.csv_sha256:
        raise _damaged(saved, "the SHA-256 of its rows differs from the manifest's")


def check_objects(store: ObjectStore, tables: Iterable[SavedTable]) -> int:
    """Read every object once and return the bytes read; raise `BackupError` at the first that is not as written."""
    byte_count = 0
    for saved in tables:
        for _ in read_csv(store, saved):
            pass
        byte_count += saved.byte_count
        log.info("Checked %s: %s rows, %s bytes", saved.name, f"{saved.row_count:,}", f"{saved.byte_count:,}")
    return byte_count


def _damaged(saved: SavedTable, why: str) -> BackupError:
    return BackupError(
        f"The backup's object of {saved.name} is damaged: {why} ({saved.key}). Nothing was changed. "
        "Choose another backup, or put the object back from a copy of the bucket."
    )
