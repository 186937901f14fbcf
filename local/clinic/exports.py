"""FileMaker's side as files: each layout as FileMaker Pro exports it, for clinics that may not use the Data API.

Comma files hold field names here, which FileMaker itself writes into Merge and Excel files only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

Form = Literal["mer", "csv", "tab", "xlsx"]
_ID_FIELDS = {"recordId": "number", "modId": "number"}
_CHARACTER_NUMBER = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_MOMENTS = {
    "date": ("%m/%d/%Y", "dd/mm/yyyy"),
    "timeStamp": ("%m/%d/%Y %H:%M:%S", "dd/mm/yyyy hh:mm:ss"),
}
"""How the data set writes a moment, and how Excel shows it."""


def export_layouts(
    filemaker: Path,
    folder: Path,
    form: Form,
    *,
    encoding: str = "utf-8",
    with_ids: bool = False,
    is_day_first: bool = False,
) -> list[Path]:
    """Write each layout of `filemaker` (JSON files as the simulator reads them) into `folder`; return the files.

    `with_ids` adds the columns recordId and modId. Dates are written with the month first, or the day. Containers
    are not exported, nor U+0000, nor a layout that shows the records of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for source in sorted(filemaker.glob("*.json")):
        layout = json.loads(source.read_text(encoding="utf-8"))
        if "records" not in layout:
            continue
        results = {field["name"]: field["result"] for field in layout["fields"] if field["result"] != "container"}
        records = [
            (record["fieldData"] | {name: record[name] for name in _ID_FIELDS}) if with_ids else record["fieldData"]
            for record in layout["records"]
        ]
        if with_ids:
            results |= _ID_FIELDS
        path = folder / f"{source.stem}.{form}"
        if form == "xlsx":
            write_workbook(path, results, records)
        else:
            rows = [[_text(record[name], kind, is_day_first) for name, kind in results.items()] for record in records]
            path.write_bytes(text_export([list(results), *rows], form, encoding))
        paths.append(path)
    return paths


def text_export(rows: Iterable[Sequence[str]], form: Form, encoding: str = "utf-8") -> bytes:
    """Return the bytes of a text file: a CR ends each record, returns inside a field are vertical tabs."""
    if form == "tab":
        lines = ["\t".join(value.replace("\t", " ") for value in row) for row in rows]
    else:
        lines = [",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
    return "".join(line.replace("\r", "\x0b") + "\r" for line in lines).encode(encoding)


def write_workbook(path: Path, results: dict[str, str], records: Iterable[dict[str, Any]]) -> None:
    """Write an Excel file with the field names in its first row; `results` are the types of the fields."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(results))
    for record in records:
        cells = []
        for name, kind in results.items():
            value, shown = _cell(record[name], kind)
            cell = WriteOnlyCell(sheet, value)
            if isinstance(value, str):
                cell.data_type = "s"  # also what looks like a formula
            if shown:
                cell.number_format = shown
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def _text(value: object, kind: str, is_day_first: bool) -> str:
    text = str(value).replace("\0", "")
    if is_day_first and kind in _MOMENTS and text.count("/") > 1:
        month, day, rest = text.split("/", 2)
        return f"{day}/{month}/{rest}"
    return text


def _cell(value: object, kind: str) -> tuple[Any, str]:
    """Return what Excel holds, and the number format that tells dates and times from numbers."""
    if value == "":
        return None, ""
    try:
        if kind in _MOMENTS:
            form, shown = _MOMENTS[kind]
            return datetime.strptime(str(value), form), shown
        if kind == "time":
            hours, minutes, seconds = (int(part) for part in str(value).split(":"))
            return timedelta(hours=hours, minutes=minutes, seconds=seconds), "h:mm:ss"
        if kind == "number":
            return int(str(value)), ""
    except ValueError:
        pass  # what is not of its field's type is exported as the text that it is
    text = str(value).replace("\r", "\n").replace("\0", "")
    # Excel reads _x000D_ as a character's number, unless its first line is written as one itself.
    return _CHARACTER_NUMBER.sub("_x005F_", text), ""
