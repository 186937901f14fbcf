"""Findings as files that open in Excel: CSV that no cell of which is a formula, and workbooks. Pure: bytes come out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from nexus_import.core.finding_lines import FIXED, FindingLine, by_check, count_lines

COLUMNS = {
    "FileMaker record id": 20,
    "FileMaker id": 38,
    "layout": 20,
    "field": 20,
    "clinic": 24,
    "what is wrong": 60,
    "what to do": 70,
    "suggestion": 45,
    "status": 12,
    "Nexus id": 38,
}
"""The columns of every list of findings, with their width in a sheet in characters."""
CONTENTS = {
    "sheet": 34,
    "check": 45,
    "rule": 60,
    "severity": 10,
    "findings": 10,
    "new": 8,
    "still open": 10,
    "fixed": 8,
}
FIXED_SHEET = "fixed since the last run"
MAX_SHEET_NAME = 31
MAX_SHEET_ROWS = 1_048_575
"""Excel's limits; the second without the line of column names. The CSV file holds every row."""
CSV_TYPE = "text/csv; charset=utf-8"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA_START = re.compile(r"\s*[=+\-@]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class FindingFile:
    """A file to be written: its name below the report, its content and content type."""

    name: str
    body: bytes
    content_type: str


def make_files(lines: list[FindingLine]) -> Iterator[FindingFile]:
    """Yield all findings in one CSV and one workbook, and a CSV and a workbook for each check that found something."""
    present = [line for line in lines if line.status != FIXED]
    yield FindingFile("findings.csv", to_csv(present, with_check=True), CSV_TYPE)
    yield FindingFile("findings.xlsx", to_workbook(lines), WORKBOOK_TYPE)
    if fixed := [line for line in lines if line.status == FIXED]:
        yield FindingFile("fixed.csv", to_csv(fixed, with_check=True), CSV_TYPE)
    for check_id, found in by_check(present):
        name = f"findings/{check_id.replace('/', '_')}"
        yield FindingFile(f"{name}.csv", to_csv(found), CSV_TYPE)
        yield FindingFile(f"{name}.xlsx", _saved(_sheet_of_check(found)), WORKBOOK_TYPE)


def to_csv(lines: list[FindingLine], *, with_check: bool = False) -> bytes:
    """Return the findings as CSV in UTF-8 that Excel reads as such, every cell of it text."""
    columns = [*(["check", "severity"] if with_check else []), *COLUMNS]
    rows = [([line.check_id, line.severity] if with_check else []) + _row(line) for line in lines]
    table = pd.DataFrame([[protect(cell) for cell in row] for row in rows], columns=columns)
    return _BYTE_ORDER_MARK + table.to_csv(index=False, lineterminator="\r\n").encode()


def protect(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA_START.match(cell) else cell


def to_workbook(lines: list[FindingLine]) -> bytes:
    """Return one workbook: a sheet of contents, a sheet for each check, and one with what is fixed."""
    book = Workbook(write_only=True)
    contents = _add_sheet(book, "contents", CONTENTS)
    used = {"contents"}
    for check_id, found in by_check(lines):
        present, counts = [line for line in found if line.status != FIXED], count_lines(found)
        name = sheet_name(check_id, used) if present else ""
        numbers = (counts.total, counts.new, counts.still_open, counts.fixed)
        first = found[0]
        contents.append([_cell(contents, value) for value in (name, check_id, first.title, first.severity, *numbers)])
        if present:
            _fill(_add_sheet(book, name, COLUMNS), present)
    total = count_lines(lines)
    row = ("", "all", "", "", total.total, total.new, total.still_open, total.fixed)
    contents.append([_cell(contents, value, bold=True) for value in row])
    if fixed := [line for line in lines if line.status == FIXED]:
        _fill(_add_sheet(book, FIXED_SHEET, COLUMNS), fixed)
    return _saved(book)


def sheet_name(check_id: str, used: set[str]) -> str:
    """Return a name for a check's sheet that Excel takes and no other sheet has; it is added to `used`."""
    phase, _, check = check_id.removeprefix("phase_").partition("/")
    whole = f"{phase} {check}".replace("_", " ")
    name, number = whole[:MAX_SHEET_NAME], 2
    while name in used:
        name = f"{whole[: MAX_SHEET_NAME - len(str(number)) - 1]} {number}"
        number += 1
    used.add(name)
    return name


def _row(line: FindingLine) -> list[str]:
    cells = (
        line.record_id,
        line.filemaker_id,
        line.layout,
        line.field,
        line.clinic,
        line.wrong,
        line.todo,
        line.suggestion,
        line.status,
        line.nexus_id,
    )
    return [cell or "" for cell in cells]


def _sheet_of_check(lines: list[FindingLine]) -> Workbook:
    book = Workbook(write_only=True)
    _fill(_add_sheet(book, sheet_name(lines[0].check_id, set()), COLUMNS), lines)
    return book


def _add_sheet(book: Workbook, name: str, columns: dict[str, int]) -> Any:
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    for number, width in enumerate(columns.values(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.append([_cell(sheet, column, bold=True) for column in columns])
    return sheet


def _fill(sheet: Any, lines: Iterable[FindingLine]) -> None:
    count = 0
    for count, line in enumerate(lines, 1):
        if count > MAX_SHEET_ROWS:
            return
        sheet.append([_cell(sheet, cell) for cell in _row(line)])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{count + 1}"


def _cell(sheet: Any, value: str | int, *, bold: bool = False) -> Any:
    """Return a cell that is text or a number, whatever a text begins with."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell


def _saved(book: Workbook) -> bytes:
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()
