"""One layout's file as FileMaker Pro exported it: field names in its first line, then a record a line.

Its text comes out as the Data API gives it: line ends as CR, repetitions as `name(1)`, `name(2)`. No message
quotes the file: where the field names were left out, its first line is a patient.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.mapping.entity import DATE_TYPES
from nexus_import.errors import ConfigurationError, DataError
from nexus_import.filemaker.files_text import TAB, Row, read_text_rows
from nexus_import.filemaker.records import Record

COMMA = ","
EXCEL = ".xlsx"
DELIMITERS = {".mer": COMMA, ".csv": COMMA, ".txt": TAB, ".tab": TAB, ".tsv": TAB}
"""What separates the fields, by the end of the file's name."""
ALWAYS_TABS = {".tab", ".tsv"}
REPETITION_SEPARATOR = "\x1d"
RECORD_ID, MOD_ID = "recordid", "modid"
"""Columns that hold FileMaker's own ids, in any case: Get(RecordID) and Get(RecordModificationCount)."""
SHOWN_PLACES = 5
NAMES_WANTED = "The first line must hold the field names: FileMaker writes them into Merge and Excel files only."

DateOrder = Literal["mdy", "dmy"]
_DATE_FORMS: dict[str, str] = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y"}
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})([T ].*)?", re.DOTALL)
_SEPARATOR = re.compile(r"[,;\t]")
_REPETITION = re.compile(r"(.+)\(\d+\)")


@dataclass(frozen=True)
class FileOptions:
    """How files are read where they do not say it themselves.

    `encoding` is the codec of text files without byte order mark, `delimiter` what separates the fields of .mer,
    .csv and .txt files, `date_order` how FileMaker wrote dates. Raises `ConfigurationError` for what is none.
    """

    encoding: str | None = None
    delimiter: str | None = None
    date_order: DateOrder = "mdy"

    def __post_init__(self) -> None:
        """Refuse what no file can be read with."""
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError:
            raise ConfigurationError(
                f"There is no character set '{self.encoding}'; there are utf-8, utf-16-le, windows-1252 and macintosh."
            ) from None
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigurationError("The delimiter must be one character, such as a comma, a semicolon or a tab.")
        if self.date_order not in _DATE_FORMS:
            raise ConfigurationError(f"The date order must be mdy or dmy, not '{self.date_order}'.")


@dataclass
class _Places:
    """Records with the same defect: how many, and where the first of them are."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, place: int) -> None:
        self.count += 1
        if len(self.first) < SHOWN_PLACES:
            self.first.append(place)


class ExportedFile:
    """The file of one layout; every reading starts at its beginning and keeps nothing of it but record ids."""

    def __init__(self, path: Path, options: FileOptions) -> None:
        """Read nothing yet."""
        self.name = path.name
        self._path = path
        self._options = options
        self._suffix = path.suffix.lower()
        self._place = "row" if self._suffix == EXCEL else "line"

    @cached_property
    def header(self) -> list[str]:
        """The field names; raises `DataError` when there are none, or two are the same."""
        _, names = next(self._all_rows(), (1, []))
        if not any(names):
            raise DataError(
                f"{self.name} is empty: it does not even hold field names. Export it again; for a layout without "
                "records leave a file with the field names only."
            )
        if len(names) == 1 and _SEPARATOR.search(names[0]):
            raise DataError(
                f"{self.name}: the first line is one field, with separators in it. Name what separates the fields as "
                "'delimiter' of the Airflow connection (comma, semicolon or tab), or let the file's name end as its "
                "format does: .mer or .csv for commas, .tab for tabs."
            )
        for column, name in enumerate(names, start=1):
            if not name:
                raise DataError(f"{self.name}: column {column} of {len(names)} has no name. {NAMES_WANTED}")
            if (earlier := names.index(name) + 1) < column:
                raise DataError(f"{self.name}: columns {earlier} and {column} have the same name. {NAMES_WANTED}")
        return names

    def has_field(self, name: str) -> bool:
        """Tell whether the file holds the field, or the field that this is a repetition of."""
        repetition = _REPETITION.fullmatch(name)
        return name in self.header or (repetition is not None and repetition[1] in self.header)

    def digest(self) -> str:
        """Return the SHA-256 of the file's bytes as they are now."""
        with self._worded(), self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def prove(self, mapping: EntityMapping) -> int:
        """Read the file whole; return how many records it holds, or raise `DataError` with every place of a defect."""
        width, ids = len(self.header), self._column_of(RECORD_ID)
        plain = [self.header.index(name) for name in mapping.fields() if name in self.header]
        uneven, repeated, unclear = _Places(), _Places(), _Places()
        known: set[str] = set()
        count = 0
        for place, values in self._rows():
            count += 1
            if len(values) != width:
                uneven.add(place)
                continue
            if any(REPETITION_SEPARATOR in values[index] for index in plain):
                repeated.add(place)
            if ids is not None:
                if not values[ids] or values[ids] in known:
                    unclear.add(place)
                known.add(values[ids])
        self._refuse(uneven, f"do not have {width} fields as the first line has", "Export the file again, untouched.")
        self._refuse(
            repeated,
            "hold several repetitions of a field that the mapping reads as one",
            f"Name the repetition in include/mapping/{mapping.entity}.yaml, such as name(1).",
        )
        self._refuse(
            unclear,
            f"have no {RECORD_ID}, or one that an earlier record has",
            "Export Get(RecordID) under that name, or leave the column out.",
        )
        return count

    def records(self, mapping: EntityMapping) -> Iterator[Record]:
        """Yield the records, by FileMaker's own id where the file has it, else by their place in the file."""
        header, repeated, dates = self.header, self._repeated(mapping), self._dates(mapping)
        ids, mods = self._column_of(RECORD_ID), self._column_of(MOD_ID)
        for place, values in self._rows():
            if len(values) != len(header):
                self._refuse(_Places(1, [place]), "are not whole any more", "Export the file again.")
            record_id = f"{self._place} {place}" if ids is None else values[ids]
            mod_id = (values[mods] if mods is not None else "") or _digest(values)
            for index in dates:
                values[index] = _as_iso(values[index])
            fields: dict[str, object] = dict(zip(header, values, strict=True))
            for index in repeated:
                parts = enumerate(values[index].split(REPETITION_SEPARATOR), start=1)
                fields |= {f"{header[index]}({number})": part for number, part in parts}
            yield Record(record_id, mod_id, fields)

    def _column_of(self, name: str) -> int | None:
        names = [known.casefold() for known in self.header]
        return names.index(name) if name in names else None

    def _repeated(self, mapping: EntityMapping) -> Sequence[int]:
        """Return the columns of which the mapping reads single repetitions."""
        matches = [_REPETITION.fullmatch(name) for name in mapping.fields() if name not in self.header]
        return sorted({self.header.index(match[1]) for match in matches if match and match[1] in self.header})

    def _dates(self, mapping: EntityMapping) -> Sequence[int]:
        """Return the columns whose dates stand day first."""
        if self._options.date_order == "mdy":
            return []
        fields = {column.field for column in mapping.columns.values() if column.type in DATE_TYPES}
        return [index for index, name in enumerate(self.header) if name in fields]

    def _rows(self) -> Iterator[Row]:
        """Yield the records of the file as rows; Excel leaves empty cells at the end of a row out."""
        width = len(self.header)
        rows = self._all_rows()
        next(rows, None)
        for place, values in rows:
            if self._suffix == EXCEL:
                values.extend([""] * (width - len(values)))
            yield place, values

    def _all_rows(self) -> Iterator[Row]:
        with self._worded():
            if self._suffix == EXCEL:
                from nexus_import.filemaker.files_excel import read_excel_rows  # takes half a second, so only here

                yield from read_excel_rows(self._path, _DATE_FORMS[self._options.date_order])
            else:
                yield from read_text_rows(self._path, self._options.encoding, self._delimiter())

    def _delimiter(self) -> str:
        usual = DELIMITERS[self._suffix]
        return usual if self._suffix in ALWAYS_TABS else self._options.delimiter or usual

    @contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.name} cannot be read: {error.strerror}. Is it still there, and may Airflow's user read it?"
            ) from None

    def _refuse(self, places: _Places, defect: str, advice: str) -> None:
        """Raise `DataError` when there are records with the defect."""
        if not places.count:
            return
        more = f" and {places.count - len(places.first):,} more" if places.count > len(places.first) else ""
        shown = ", ".join(f"{place:,}" for place in places.first)
        raise DataError(f"{self.name}: {places.count:,} records {defect} ({self._place} {shown}{more}). {advice}")


def _digest(values: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(values).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _as_iso(text: str) -> str:
    """Return a date whose day stands first in ISO order, with the time behind it; any other text as it is.

    Dates that are none (32/13/2025) are turned as well: left as they are they might be read with the month first.
    """
    match = _DAY_FIRST.fullmatch(text.strip())
    return f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}{match[4] or ''}" if match else text
