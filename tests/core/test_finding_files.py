"""The files that people mend FileMaker with: whole, in order, text in every cell, and never a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from nexus_import.core.finding_files import (
    COLUMNS,
    MAX_SHEET_NAME,
    make_files,
    protect,
    sheet_name,
    to_csv,
    to_workbook,
)
from nexus_import.core.finding_lines import FindingLine
from openpyxl import load_workbook

from tests.core.test_finding_lines import LINE

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =HYPERLINK(1)", '=cmd|"/c calc"!A1']
MISSPELT = replace(
    LINE,
    status="still open",
    check_id="phase_0/clinic_names_exist",
    title="All FileMaker clinic names exist in Nexus",
    record_id="18",
    clinic="Zürich Müllerstraße",
    detail="Newcasle",
    suggestion="nearest Nexus clinic: Newcastle, 12 patients",
)
GONE = replace(LINE, status="fixed", record_id="9")
LINES = [MISSPELT, LINE, GONE]


def rows_of(body: bytes) -> list[dict[str, str]]:
    """Read CSV as Excel does: as UTF-8, because it begins with the byte order mark."""
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def sheets_of(body: bytes) -> dict[str, list[tuple[Any, ...]]]:
    book = load_workbook(io.BytesIO(body))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def test_one_file_of_all_and_one_of_each_check_in_two_formats() -> None:
    assert [file.name for file in make_files(LINES)] == [
        "findings.csv",
        "findings.xlsx",
        "fixed.csv",
        "findings/phase_0_clinic_names_exist.csv",
        "findings/phase_0_clinic_names_exist.xlsx",
        "findings/phase_0_patients_have_clinic_name.csv",
        "findings/phase_0_patients_have_clinic_name.xlsx",
    ]
    assert [file.name for file in make_files([])] == ["findings.csv", "findings.xlsx"]


def test_row_says_where_what_and_what_to_do() -> None:
    (row,) = rows_of(to_csv([MISSPELT]))
    assert list(row) == list(COLUMNS)
    assert row["FileMaker record id"] == "18"
    assert (row["layout"], row["field"], row["clinic"]) == ("API_Contacts", "clinic_name", "Zürich Müllerstraße")
    assert row["what is wrong"] == "Broken rule: All FileMaker clinic names exist in Nexus: Newcasle"
    assert row["what to do"] == "Fill clinic_name"
    assert row["suggestion"] == "nearest Nexus clinic: Newcastle, 12 patients"
    assert row["status"] == "still open"


def test_list_of_all_names_the_check_and_leaves_out_what_is_fixed() -> None:
    files = {file.name: file.body for file in make_files(LINES)}
    rows = rows_of(files["findings.csv"])
    assert [(row["check"], row["FileMaker record id"]) for row in rows] == [
        ("phase_0/clinic_names_exist", "18"),
        ("phase_0/patients_have_clinic_name", "17"),
    ]
    assert [row["FileMaker record id"] for row in rows_of(files["fixed.csv"])] == ["9"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    assert protect(text) == f"'{text}"
    (row,) = rows_of(to_csv([hostile(text)]))
    assert [row[column] for column in ("FileMaker record id", "FileMaker id", "field", "clinic")] == [f"'{text}"] * 4


@pytest.mark.parametrize("text", ["17", "Newcastle", "a=b", "A-1", ""])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert protect(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_workbook_is_a_formula(text: str) -> None:
    line = hostile(text)
    files = [file.body for file in make_files([line]) if file.name.endswith(".xlsx")]
    assert len(files) == 2
    for body in files:
        book = load_workbook(io.BytesIO(body))
        cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
        assert text in [cell.value for cell in cells]
        assert "f" not in {cell.data_type for cell in cells}


def hostile(text: str) -> FindingLine:
    """Return a finding whose every free part is this text."""
    return replace(LINE, record_id=text, filemaker_id=text, field=text, clinic=text, detail=text, suggestion=text)


def test_workbook_has_contents_a_sheet_for_each_check_and_what_is_fixed() -> None:
    sheets = sheets_of(to_workbook(LINES))
    assert list(sheets) == [
        "contents",
        "0 clinic names exist",
        "0 patients have clinic name",
        "fixed since the last run",
    ]
    title, severity = MISSPELT.title, "stop"
    assert sheets["contents"][1:] == [
        ("0 clinic names exist", "phase_0/clinic_names_exist", title, severity, 1, 0, 1, 0),
        ("0 patients have clinic name", LINE.check_id, LINE.title, severity, 1, 1, 0, 1),
        (None, "all", None, None, 2, 1, 1, 1),
    ]
    assert [row[0] for row in sheets["0 patients have clinic name"]] == ["FileMaker record id", "17"]
    assert [row[0] for row in sheets["fixed since the last run"]] == ["FileMaker record id", "9"]


def test_characters_that_excel_refuses_are_left_out() -> None:
    (_, row) = sheets_of(to_workbook([replace(LINE, filemaker_id="A\x00\x0bB")]))["0 patients have clinic name"]
    assert row[1] == "AB"


def test_names_of_sheets_are_short_and_never_two_alike() -> None:
    used: set[str] = set()
    names = [
        sheet_name(f"phase_5/clinical_text_kept_of_each_and_every_{kind}", used)
        for kind in ("note", "letter", "reminder")
    ]
    assert len(set(names)) == 3
    assert max(len(name) for name in names) <= MAX_SHEET_NAME
