"""Excel files as FileMaker Pro exports them, and what Excel cannot keep."""

from __future__ import annotations

import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_import.errors import DataError
from nexus_import.filemaker.files_excel import MAX_CELL_CHARACTERS, read_excel_rows
from openpyxl.worksheet.worksheet import Worksheet

from local.clinic.exports import write_workbook

# what XML cannot hold, and line ends, of which a workbook has one kind only
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\r"), max_size=12)


def workbook(path: Path, fill: Callable[[Worksheet], None]) -> Path:
    book = openpyxl.Workbook()
    assert isinstance(book.active, Worksheet)
    fill(book.active)
    book.save(path)
    return path


def sheet_of(path: Path, *rows: Sequence[Any], formats: dict[str, str] | None = None) -> Path:
    def fill(sheet: Worksheet) -> None:
        for row in rows:
            sheet.append(list(row))
        for cell, number_format in (formats or {}).items():
            sheet[cell].number_format = number_format

    return workbook(path, fill)


def rows_of(path: Path) -> list[list[str]]:
    return [values for _, values in read_excel_rows(path)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**15 - 1), TEXT), max_size=5))
def test_any_table_reads_back_as_it_was(records: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.xlsx"
        write_workbook(
            path, {"id": "number", "note": "text"}, [{"id": number, "note": note} for number, note in records]
        )
        expected = [[str(number), note] if note else [str(number)] for number, note in records]
        assert rows_of(path) == [["id", "note"], *expected]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (datetime(2025, 3, 11), "dd/mm/yyyy", "03/11/2025"),
        (datetime(1900, 1, 15), "d/m/yy", "01/15/1900"),
        (datetime(2025, 3, 11, 19, 57, 12), "dd/mm/yyyy hh:mm:ss", "03/11/2025 19:57:12"),
        (datetime(2025, 3, 11), "dd/mm/yyyy h:mm:ss", "03/11/2025 00:00:00"),
        (datetime(2025, 3, 11), "yyyy-mm-dd", "03/11/2025"),
        (time(13, 5), "h:mm", "13:05:00"),
        (time(0, 0), "h:mm:ss", "00:00:00"),
        (timedelta(hours=24), "h:mm:ss", "24:00:00"),
        (timedelta(hours=31, minutes=2), "[h]:mm:ss", "31:02:00"),
        (timedelta(hours=-1), "[h]:mm:ss", "-01:00:00"),
        (timedelta(hours=61, seconds=1), "h:mm:ss AM/PM", "61:00:01"),
        (5, "General", "5"),
        (5.0, "General", "5"),
        (-12.10, "0.00", "-12.1"),
        (1e-7, "General", "0.0000001"),
        (100000, "#,##0", "100000"),
        (True, "General", "1"),
        ("0412 345 678", "General", "0412 345 678"),
        ("007", "General", "007"),
        ("a_x000D_b", "General", "a\rb"),
        ("a\r\nb\nc", "General", "a\rb\rc"),
    ],
    ids=str,
)
def test_cells_become_the_text_that_the_data_api_gives(
    tmp_path: Path, value: object, number_format: str, text: str
) -> None:
    path = sheet_of(tmp_path / "x.xlsx", ["id", "v"], ["A", value], formats={"B2": number_format})
    assert rows_of(path)[1] == ["A", text]


def test_dates_are_written_in_the_form_that_is_wanted(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "x.xlsx", ["id"], [date(2025, 3, 11)])
    assert list(read_excel_rows(path, "%d/%m/%Y"))[1] == (2, ["11/03/2025"])


def test_rows_without_values_count_between_records_and_not_after_them(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "x.xlsx", ["id", "n"], ["A"], [], [None, ""], ["B", "b"], [], [None])
    assert list(read_excel_rows(path)) == [(1, ["id", "n"]), (2, ["A"]), (3, []), (4, []), (5, ["B", "b"])]


def test_a_sheet_may_begin_below_its_first_row(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["A2"] = "id"

    assert list(read_excel_rows(workbook(tmp_path / "x.xlsx", fill))) == [(1, []), (2, ["id"])]


def changed(path: Path, parts: dict[str, Callable[[bytes], bytes]], **added: str) -> Path:
    """Return a copy of the workbook with other parts: by the end of their name, and added to its folder xl."""
    copy = path.with_name("x.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for part, change in parts.items():
                if name.endswith(part):
                    content = change(content)
            new.writestr(name, content)
        for part, text in added.items():
            new.writestr(f"xl/{part}.xml", text)
    return copy


def test_size_that_the_sheet_gives_for_itself_is_not_believed(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "whole.xlsx", ["id", "n"], ["A", "a"], ["B", "b"])

    def shrink(content: bytes) -> bytes:
        small, count = re.subn(rb'<dimension ref="A1:B3" ?/>', b'<dimension ref="A1:A2"/>', content)
        assert count == 1
        return small

    assert rows_of(changed(path, {"sheet1.xml": shrink})) == [["id", "n"], ["A", "a"], ["B", "b"]]


def with_table_of_texts(path: Path, second: int) -> Path:
    """Return a copy of a workbook of the texts id and A that keeps them in one table, as Excel does."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

    def refer(content: bytes) -> bytes:
        for text, number in ((b"id", b"0"), (b"A", str(second).encode())):
            inline = b'<c r="%s" t="inlineStr"><is><t>%s</t></is></c>' % (b"A1" if text == b"id" else b"A2", text)
            assert inline in content
            content = content.replace(inline, inline[:8] + b'" t="s"><v>' + number + b"</v></c>")
        return content

    return changed(
        path,
        {"sheet1.xml": refer, "[Content_Types].xml": lambda content: content.replace(b"</Types>", override)},
        sharedStrings=f'<sst xmlns="{space}"><si><t>id</t></si><si><r><t>A_x000D_</t></r><r><t>B</t></r></si></sst>',
    )


def test_texts_may_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "whole.xlsx", ["id"], ["A"])
    assert rows_of(with_table_of_texts(path, 1)) == [["id"], ["A\rB"]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("=1+1", "holds a formula"),
        ("#N/A", "holds an error"),
        ("x" * MAX_CELL_CHARACTERS, "holds 32,767 characters, where Excel cuts"),
        (10**15, "more than 15 digits"),
        (-1.5e15, "more than 15 digits"),
    ],
    ids=["formula", "error", "cut text", "rounded number", "rounded negative"],
)
def test_what_excel_did_not_keep_is_refused_by_its_cell(tmp_path: Path, value: object, message: str) -> None:
    path = sheet_of(tmp_path / "x.xlsx", ["id", "n"], ["A", "a"], ["B", value])
    with pytest.raises(DataError, match=rf"^x\.xlsx, cell B3: it .*{message}"):
        rows_of(path)


@pytest.mark.parametrize("value", ["x" * (MAX_CELL_CHARACTERS - 1), 10**15 - 1], ids=["text", "number"])
def test_what_excel_just_keeps_is_read(tmp_path: Path, value: object) -> None:
    assert rows_of(sheet_of(tmp_path / "x.xlsx", ["id"], [value]))[1] == [str(value)]


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "x.xlsx", ["id"], [1e9], formats={"A2": "dd/mm/yyyy"})
    with (
        pytest.warns(UserWarning, match="outside the limits"),
        pytest.raises(DataError, match="cell A2: it holds an err"),
    ):
        rows_of(path)


def test_several_sheets_are_refused(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["A1"] = "id"
        assert sheet.parent is not None
        sheet.parent.create_sheet()

    with pytest.raises(DataError, match=r"^x\.xlsx has 2 sheets; an export has one\."):
        rows_of(workbook(tmp_path / "x.xlsx", fill))


@pytest.mark.parametrize(
    "content",
    [b"", b"id\rA\r", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)],
    ids=["nothing", "text", "cut", "protected or xls"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=r"^x\.xlsx is not an Excel workbook"):
        rows_of(tmp_path / "x.xlsx")


def is_refused_or_read(path: Path) -> bool:
    """Tell whether a damaged workbook is read, or refused without quoting it; any other error passes through."""
    with warnings.catch_warnings(action="ignore"):
        try:
            rows_of(path)
        except DataError as error:
            return "Private" not in str(error)
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.xlsx"
    return sheet_of(path, ["id", "n"], *([f"Private {number}", number] for number in range(20)))


@settings(max_examples=100, deadline=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=5))
def test_damaged_bytes_are_refused_or_do_not_matter(whole: Path, flips: list[tuple[float, int]]) -> None:
    content = bytearray(whole.read_bytes())
    for place, flip in flips:
        content[int(place * len(content))] ^= flip
    damaged = whole.with_name("x.xlsx")
    damaged.write_bytes(content)
    assert is_refused_or_read(damaged)


@settings(max_examples=100, deadline=None)
@given(
    part=st.sampled_from(["sheet1.xml", "workbook.xml", "styles.xml", "_Types].xml", ".rels"]),
    start=st.integers(0, 2000),
    length=st.integers(1, 40),
)
def test_damaged_parts_are_refused_or_do_not_matter(whole: Path, part: str, start: int, length: int) -> None:
    damaged = changed(whole, {part: lambda content: content[:start] + content[start + length :]})
    assert is_refused_or_read(damaged)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("sheet1.xml", b'<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id'),
        ("workbook.xml", b""),
        ("workbook.xml", b"<?xml"),
    ],
)
def test_a_part_that_is_cut_is_refused(tmp_path: Path, part: str, content: bytes) -> None:
    path = sheet_of(tmp_path / "whole.xlsx", ["id"], ["A"])
    with pytest.raises(DataError, match=r"^x\.xlsx is not an Excel workbook"):
        rows_of(changed(path, {part: lambda _: content}))


def test_want_of_memory_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr(openpyxl, "load_workbook", fail)
    with pytest.raises(MemoryError):
        rows_of(sheet_of(tmp_path / "x.xlsx", ["id"]))


def test_texts_that_their_table_lacks_are_refused(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "whole.xlsx", ["id"], ["A"])
    with pytest.raises(DataError, match=r"^x\.xlsx is not an Excel workbook"):
        rows_of(with_table_of_texts(path, 99))
