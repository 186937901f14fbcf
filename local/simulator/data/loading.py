"""Reads a data set's directory: `database.json`, and one JSON or CSV file for each layout."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from ..errors import DataSetError

DATABASE_FILE: Final = "database.json"
FIELDS_SUFFIX: Final = ".fields.json"
LARGEST_CSV_VALUE: Final = 64 * 1024 * 1024

_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)
_LINE_ENDS = re.compile(r"\r\n|[\n\v]")


def databases_in(directory: Path) -> list[Path]:
    """Return the directories of the databases: this one, or those inside it that have a `database.json`."""
    if (directory / DATABASE_FILE).exists():
        return [directory]
    return sorted(path.parent for path in directory.glob(f"*/{DATABASE_FILE}")) or [directory]


def read_directory(directory: Path) -> dict[str, Any]:
    """Return the description of the data set in a directory; raises DataSetError, which names the file."""
    description = _read_json(directory / DATABASE_FILE)
    layouts = []
    for path in sorted(directory.glob("*.json")):
        if path.name != DATABASE_FILE and not path.name.endswith(FIELDS_SUFFIX):
            layouts.append({"layout": unquote(path.stem), **_read_json(path)})
    layouts += [_read_csv_layout(path) for path in sorted(directory.glob("*.csv"))]
    known = {unquote(path.stem) for path in directory.glob("*.csv")}
    for path in sorted(directory.glob(f"*{FIELDS_SUFFIX}")):
        if unquote(path.name.removesuffix(FIELDS_SUFFIX)) not in known:
            raise DataSetError(f"{path.name}: there is no {path.name.removesuffix(FIELDS_SUFFIX)}.csv beside it")
    return {**description, "layouts": layouts}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise DataSetError(f"{path.name}: {type(error).__name__}: {error}") from error
    if not isinstance(content, dict):
        raise DataSetError(f"{path.name}: expected a JSON object")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _read_csv_layout(path: Path) -> dict[str, Any]:
    """Return the layout of a CSV file: its columns are the fields, text unless `<layout>.fields.json` says else.

    Record ids count from 1 in the order of the file, unless the description names columns with `recordId` and
    `modId`. Columns that the description does not mention are text fields after the ones it does.
    """
    described = _read_field_types(path)
    columns, rows = _read_rows(path)
    record_id_column, mod_id_column = described.pop("recordId", None), described.pop("modId", None)
    for name in (record_id_column, mod_id_column):
        if name is not None and name not in columns:
            raise DataSetError(f"{path.name}: there is no column {name!r}")
    fields = described.pop("fields")
    names = [name for name in columns if name not in (record_id_column, mod_id_column)]
    if unknown := [item["name"] for item in fields if item["name"] not in names]:
        raise DataSetError(f"{path.name}: there is no column {unknown[0]!r} of its {path.stem}{FIELDS_SUFFIX}")
    mentioned = {item["name"] for item in fields}
    fields += [{"name": name, "result": "text"} for name in names if name not in mentioned]
    read = {item["name"]: _reader(item.get("result", "text")) for item in fields}
    records = [
        {
            "recordId": row[record_id_column] if record_id_column else number,
            "modId": row[mod_id_column] if mod_id_column else 0,
            "fieldData": {name: reader(row[name]) for name, reader in read.items()},
        }
        for number, row in enumerate(rows, start=1)
    ]
    return {"layout": unquote(path.stem), **described, "fields": fields, "records": records}


def _read_field_types(path: Path) -> dict[str, Any]:
    """Return the description beside a CSV file: `{"name": "type"}`, or an object with `fields` and more."""
    beside = path.with_name(path.stem + FIELDS_SUFFIX)
    if not beside.exists():
        return {"fields": []}
    content = _read_json(beside)
    if not isinstance(content.get("fields"), list):
        return {"fields": [{"name": name, "result": result} for name, result in content.items()]}
    if not all(isinstance(item, Mapping) and "name" in item for item in content["fields"]):
        raise DataSetError(f"{beside.name}: a field has no 'name'")
    if "records" in content:
        raise DataSetError(f"{beside.name}: the records stand in {path.name}")
    return {**content, "fields": list(content["fields"])}


def _read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    csv.field_size_limit(LARGEST_CSV_VALUE)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            columns = next(reader, [])
            if not columns or len(set(columns)) < len(columns):
                raise DataSetError(f"{path.name}: the first row must name every column, each once")
            return columns, list(_rows(reader, columns, path.name))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataSetError(f"{path.name}: {type(error).__name__}: {error}") from error


def _rows(reader: Any, columns: list[str], file_name: str) -> Iterator[dict[str, str]]:
    for row in reader:
        if not row:
            continue
        if len(row) != len(columns):
            raise DataSetError(f"{file_name}: line {reader.line_num} has {len(row)} values for {len(columns)} columns")
        yield dict(zip(columns, row, strict=True))


def _reader(result: str) -> Any:
    if result == "number":
        return _number
    if result == "container":
        return lambda text: {"file": text} if text else ""
    # FileMaker keeps \r; its own exports write a vertical tab for it.
    return lambda text: _LINE_ENDS.sub("\r", text)


def _number(text: str) -> str | int | float:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
