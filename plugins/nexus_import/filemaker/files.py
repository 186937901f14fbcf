"""The second source of FileMaker's records: a folder of files exported from FileMaker Pro, one per layout.

A file is read twice, from its beginning to its end and without holding it in memory. The first reading proves
and counts it, so that nothing is stored of a file that is not whole; the second hands the records out. The
file must be the same, byte by byte, before and after.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.nearest import is_misspelt
from nexus_import.errors import ConfigurationError, DataError, FileMakerMovedError
from nexus_import.filemaker.cursor import Cursor, WalkedPage, WalkSummary
from nexus_import.filemaker.files_layout import DELIMITERS, EXCEL, NAMES_WANTED, ExportedFile, FileOptions
from nexus_import.filemaker.records import Record

PAGE_SIZE_RECORDS = 1000

_log = logging.getLogger(__name__)


class FilesSource:
    """A folder with one exported file per layout, named as the layout: `API_Contacts.mer`."""

    verified = "Exported files found whole"
    add_field = f"{NAMES_WANTED} Export the field too"

    def __init__(self, folder: Path, options: FileOptions) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._options = options

    def where(self, layout: str) -> str:
        """Return the name of the layout's file."""
        return f"File {self.file_of(layout).name}"

    def lacks_layout(self, layout: str) -> bool:
        """Tell whether the folder has neither a file for the layout nor one of nearly its name."""
        return not self._files_of(layout) and not is_misspelt(layout, [unquote(path.stem) for path in self._files()])

    def missing_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the mapped fields that the file does not hold; raise `DataError` when it holds no field names."""
        file = self.file_of(mapping.layout)
        return [name for name in mapping.fields() if not file.has_field(name)]

    def known_fields(self, mapping: EntityMapping) -> list[str]:
        """Return the names in the file's first line; none where that line may be a patient instead."""
        file = self.file_of(mapping.layout)
        has_names = 2 * len(self.missing_fields(mapping)) <= len(mapping.fields())
        return file.header if has_names else []

    def found_count(self, mapping: EntityMapping) -> int:
        """Return how many records the file holds; raise `DataError` when it is damaged."""
        return self.file_of(mapping.layout).prove(mapping)

    def walk(
        self,
        mapping: EntityMapping,
        after: Mapping[str, Any] | None = None,
        already_read: Mapping[str, str] | None = None,
    ) -> FileWalk:
        """Walk the layout's file; see `FileWalk`."""
        cursor = Cursor.from_dict(after) if after else None
        return FileWalk(self.file_of(mapping.layout), mapping, cursor, already_read or {})

    def file_of(self, layout: str) -> ExportedFile:
        """Return the layout's file, whatever the case of its name; `/` and the like may be percent-encoded in it.

        Raises `ConfigurationError` when the folder cannot be read, `DataError` when there is not exactly one.
        """
        found = self._files_of(layout)
        if len(found) == 1:
            return ExportedFile(found[0], self._options)
        if found:
            raise DataError(
                f"{self._folder} has {len(found)} files for layout {layout}: "
                f"{', '.join(path.name for path in found)}. Leave the newest there."
            )
        files = self._files()
        near = get_close_matches(layout, [path.name for path in files], n=1, cutoff=0.0)
        raise DataError(
            f"{self._folder} has no file for layout {layout}: export it as {layout.replace('/', '%2F')}.mer, or .xlsx, "
            ".csv, .tab, .txt. "
            + (f"The nearest of its {len(files)} files is {near[0]}." if near else "It has no such files at all.")
        )

    def _files_of(self, layout: str) -> list[Path]:
        return [path for path in self._files() if _folded(layout) in {_folded(path.stem), _folded(unquote(path.stem))}]

    def _files(self) -> list[Path]:
        try:
            paths = sorted(self._folder.iterdir())
        except OSError as error:
            raise ConfigurationError(
                f"The folder {self._folder} of the exported files cannot be read: {error.strerror}. Is it there, on "
                "every machine that runs tasks, and may Airflow's user read it?"
            ) from None
        return [path for path in paths if path.suffix.lower() in {*DELIMITERS, EXCEL} and not path.name.startswith(".")]


class FileWalk(Iterator[WalkedPage]):
    """The pages of one file; its `summary` is set when it has ended.

    A walk that is continued reads from the beginning again. As long as the file is the one that the walk began
    with, only what is not stored yet is handed out; of another file everything is, and what is stored and not in
    it has vanished. Raises `DataError` for a damaged file, `FileMakerMovedError` when it changed meanwhile.
    """

    def __init__(
        self, file: ExportedFile, mapping: EntityMapping, after: Cursor | None, already_read: Mapping[str, str]
    ) -> None:
        """Read nothing yet."""
        self._file = file
        self._mapping = mapping
        self._after = after
        self._stored = already_read
        self._summary: WalkSummary | None = None
        self._pages = self._walk()

    def __next__(self) -> WalkedPage:
        """Return the next page that has anything new."""
        return next(self._pages)

    @property
    def summary(self) -> WalkSummary:
        """What the finished walk read; raises RuntimeError before the last page was taken."""
        if self._summary is None:
            raise RuntimeError(f"The walk of {self._file.name} has not ended.")
        return self._summary

    def _walk(self) -> Iterator[WalkedPage]:
        digest = self._file.digest()
        try:
            yield from self._hand_out(digest)
        except DataError:
            if self._file.digest() != digest:  # it is being written, so what is wrong with it means nothing
                raise self._moved() from None
            raise
        if self._file.digest() != digest:
            raise self._moved()

    def _hand_out(self, digest: str) -> Iterator[WalkedPage]:
        found_count = self._file.prove(self._mapping)
        _log.info("%s holds %d records (SHA-256 %s)", self._file.name, found_count, digest)
        begun = self._after or Cursor("offset", None, 1, 0, 0, found_count, digest)
        known = self._stored if begun.newest_at_start == digest else {}
        self._cursor = replace(begun, stage="offset", key=None, read_count=len(self._stored), newest_at_start=digest)
        unseen = set(self._stored)
        fresh: list[Record] = []
        for number, record in enumerate(self._file.records(self._mapping), start=1):
            unseen.discard(record.record_id)
            if known.get(record.record_id) != record.mod_id:
                fresh.append(record)
            if len(fresh) == PAGE_SIZE_RECORDS:
                yield self._page(fresh, number, found_count)
                fresh = []
        if fresh:
            yield self._page(fresh, found_count, found_count)
        self._summary = WalkSummary(
            found_at_start=begun.found_at_start,
            found_at_end=found_count,
            distinct_read=self._cursor.read_count,
            pages=self._cursor.page_count,
            requests=0,
            rewalked=0,
            vanished_record_ids=tuple(sorted(unseen)),
        )

    def _page(self, records: list[Record], number: int, found_count: int) -> WalkedPage:
        new_count = sum(1 for record in records if record.record_id not in self._stored)
        self._cursor = replace(
            self._cursor,
            offset=number + 1,
            page_count=self._cursor.page_count + 1,
            read_count=self._cursor.read_count + new_count,
        )
        return WalkedPage(
            number=self._cursor.page_count,
            records=tuple(records),
            cursor=self._cursor,
            read_count=self._cursor.read_count,
            found_at_start=found_count,
            is_reread=new_count < len(records),
        )

    def _moved(self) -> FileMakerMovedError:
        return FileMakerMovedError(
            f"{self._file.name} changed while it was read. Wait until its export or its copying has ended, then clear "
            "this task."
        )


def _folded(name: str) -> str:
    # macOS takes accented letters apart in the names of files
    return unicodedata.normalize("NFC", name).casefold()
