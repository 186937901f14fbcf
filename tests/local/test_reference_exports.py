"""The reference clinic as files that FileMaker Pro exports: every layout, whatever stands in its fields."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from nexus_import.filemaker.files_excel import read_excel_rows
from nexus_import.filemaker.files_text import read_text_rows

from local.clinic import REFERENCE_CLINIC, make_clinic
from local.clinic.exports import Form, export_layouts
from tests.support.reference import ReferenceClinic

DELIMITERS = {"mer": ",", "csv": ",", "tab": "\t"}
VERTICAL_TAB_OR_LINE_END = str.maketrans("\v\n", "\r\r")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> ReferenceClinic:
    directory = tmp_path_factory.mktemp("reference")
    make_clinic(directory, REFERENCE_CLINIC, scale=0.02, seed=5, today=date(2026, 9, 1))
    return ReferenceClinic(directory)


def rows_of(path: Path, form: Form) -> list[list[str]]:
    read = read_excel_rows(path) if form == "xlsx" else read_text_rows(path, "utf-8", DELIMITERS[form])
    header, *rows = [[value.translate(VERTICAL_TAB_OR_LINE_END) for value in values] for _, values in read]
    # Excel's rows end with their last value.
    return [header, *(row + [""] * (len(header) - len(row)) for row in rows)]


@pytest.mark.parametrize("form", get_args(Form))
def test_every_layout_is_exported_as_it_is(clinic: ReferenceClinic, form: Form, tmp_path: Path) -> None:
    paths = {path.stem: path for path in export_layouts(clinic.directory / "filemaker", tmp_path, form)}
    assert len(paths) == len(clinic.layouts) - 1  # API_event_calendar shows what API_calendar does
    for layout in clinic.layouts.keys() - {"API_event_calendar"}:
        results = {f["name"]: f["result"] for f in clinic.layouts[layout]["fields"] if f["result"] != "container"}
        header, *rows = rows_of(paths[layout.replace("@", "%40")], form)
        assert header == list(results)
        records = clinic.records(layout).values()
        expected = [[exported(record[name], kind, form) for name, kind in results.items()] for record in records]
        assert rows == expected, layout


def exported(value: object, kind: str, form: Form) -> str:
    text = str(value).replace("\x00", "")
    is_excels_number = form == "xlsx" and kind == "number" and text.isdecimal()
    return str(int(text)) if is_excels_number else text  # a phone's leading zero is lost there
