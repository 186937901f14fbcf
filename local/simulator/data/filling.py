"""Fills the tables of a data set with its records, and reads the files of its containers."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import DataSetError
from . import values
from .fields import stored_names
from .files import File
from .layouts import Portal
from .record import Record
from .tables import Table

_PLAIN: Final = frozenset((str, int, float))


def read_file(described: object, directory: Path | None, where: str) -> File:
    """Return the file of a container: `{"file": path}`, `{"base64": text, "name"}` or `{"bytes": b"", "name"}`.

    The path is relative to the directory of the data set and must not leave it; `"external": true` beside it
    puts the file in another container folder. Raises DataSetError.
    """
    if not isinstance(described, Mapping):
        raise DataSetError(f"{where}: a container holds an object with file, base64 or bytes, or a text")
    is_external = bool(described.get("external", False))
    if "file" in described:
        if directory is None:
            raise DataSetError(f"{where}: a file needs a data set that is read from a directory")
        path = (directory / str(described["file"])).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise DataSetError(f"{where}: file {described['file']!r} is outside of the data set's directory")
        if not path.is_file():
            raise DataSetError(f"{where}: there is no file {described['file']!r} in the data set's directory")
        return File(str(described.get("name", path.name)), path, is_external)
    try:
        content = described["bytes"] if "bytes" in described else base64.b64decode(described["base64"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise DataSetError(f"{where}: a container holds an object with file, base64 or bytes, or a text") from error
    if not isinstance(content, bytes):
        raise DataSetError(f"{where}: the bytes of a container are no bytes")
    return File(str(described.get("name", "file.bin")), content, is_external)


class Loader:
    """Fills one table from the records of the layout that brings it."""

    def __init__(
        self,
        table: Table,
        fields: Sequence[Mapping[str, Any]],
        portals: Iterable[Portal],
        layout: str,
        directory: Path | None,
    ) -> None:
        self._table = table
        self._names = tuple(table.results)
        self._repeating = {
            item["name"]: stored_names(item["name"], item["maxRepeat"]) for item in fields if item["maxRepeat"] > 1
        }
        self._portal_containers = {
            portal.rows_key: [name for name, result in portal.fields.items() if result == "container"]
            for portal in portals
        }
        self._layout = layout
        self._directory = directory

    def load(self, described: Sequence[Mapping[str, Any]]) -> None:
        """Add every record; raises DataSetError."""
        table, names = self._table, self._names
        for number, record in enumerate(described, start=1):
            try:
                record_id, fields = _id(record["recordId"]), record["fieldData"]
                mod_id = int(_count(record.get("modId", 0)))
            except KeyError as missing:
                raise DataSetError(f"{self._where(number)} has no {missing}") from missing
            except TypeError as error:
                raise DataSetError(f"{self._where(number)} is no object") from error
            except ValueError as error:
                raise DataSetError(f"{self._where(number)}: {error}") from error
            if record_id in table.records:
                raise DataSetError(f"{self._where(number)}: record id {record_id} stands twice")
            # Records replace their dictionary and never change it, so a complete one is shared with the source.
            if not (type(fields) is dict and tuple(fields) == names and _is_plain(fields)):
                fields = self._fields(fields, self._where(number))
            portals = self._portals(record["portalData"], self._where(number)) if "portalData" in record else {}
            table.load(Record(record_id, mod_id, fields, portals))

    def _where(self, number: int) -> str:
        return f"layout {self._layout}: record {number}"

    def _fields(self, fields: object, where: str) -> dict[str, Any]:
        """Return the fields of a record under the names they are stored by, each with a value."""
        if not isinstance(fields, dict):
            raise DataSetError(f"{where}: 'fieldData' must be an object")
        given: dict[str, Any] = {}
        for name, value in fields.items():
            if name in self._repeating:
                stored = self._repeating[name]
                listed = value if isinstance(value, list) else [value]
                if len(listed) > len(stored):
                    raise DataSetError(f"{where}: field {name} has {len(listed)} values for {len(stored)} repetitions")
                given.update(zip(stored, listed, strict=False))
            else:
                given[name] = value
        if unknown := sorted(set(given) - set(self._names)):
            raise DataSetError(f"{where}: field {unknown[0]} is not among the layout's fields")
        results = self._table.results
        return {name: self._value(given.get(name, ""), results[name], f"{where}: field {name}") for name in self._names}

    def _value(self, value: Any, result: str, where: str) -> values.Value:
        if type(value) in _PLAIN and _is_number_or_text(value):
            return value
        if result == "container":
            return read_file(value, self._directory, where)
        kind = "a number without a value" if isinstance(value, float) else type(value).__name__
        raise DataSetError(f'{where} holds {kind}; it takes text or a number, "" when it is empty')

    def _portals(self, described: object, where: str) -> dict[str, list[dict[str, Any]]]:
        if not isinstance(described, Mapping):
            raise DataSetError(f"{where}: 'portalData' must be an object")
        portals = {}
        for key, rows in described.items():
            if not isinstance(rows, list) or not all(isinstance(row, Mapping) and "recordId" in row for row in rows):
                raise DataSetError(f"{where}: a row of portal {key} has no recordId")
            containers = self._portal_containers.get(key, ())
            portals[key] = [self._row(row, containers, f"{where}: portal {key}") for row in rows]
        return portals

    def _row(self, row: Mapping[str, Any], containers: Iterable[str], where: str) -> dict[str, Any]:
        """Return a related row as it is kept: its ids as text, files where its containers describe them."""
        read: dict[str, Any] = {}
        for name, value in row.items():
            result = "container" if name in containers else "text"
            read[name] = self._value(value, result, f"{where}: field {name}")
        try:
            return {**read, "recordId": _id(row["recordId"]), "modId": _count(row.get("modId", 0))}
        except ValueError as error:
            raise DataSetError(f"{where}: {error}") from error


def _id(value: object) -> str:
    """Return a record id as text; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise ValueError(f"the recordId {value!r} is no number and no text")
    return str(value)


def _count(value: object) -> str:
    """Return a modification id as text; raises ValueError."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise ValueError(f"the modId {value!r} is no whole number")
    return text


def _is_plain(fields: Mapping[str, Any]) -> bool:
    kinds = set(map(type, fields.values()))
    return kinds <= _PLAIN and (float not in kinds or all(map(_is_number_or_text, fields.values())))


def _is_number_or_text(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
