"""Text files as FileMaker Pro writes them, and all that may be wrong with one."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_import.errors import DataError
from nexus_import.filemaker import files_text
from nexus_import.filemaker.files_text import read_text_rows

from local.clinic.exports import Form, text_export

COMMA, TAB = ",", "\t"
# U+0000 is refused; a vertical tab and a half character do not survive FileMaker's own export
TEXT = st.text(st.characters(exclude_characters="\0\x0b", exclude_categories=["Cs"]), max_size=8)
NAMES = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=5)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(NAMES, min_size=width, max_size=width, unique=True),
        st.lists(st.lists(TEXT, min_size=width, max_size=width), max_size=6),
    )
)


def rows_of(path: Path, content: bytes, delimiter: str = COMMA, encoding: str | None = None) -> list[list[str]]:
    path.write_bytes(content)
    return [values for _, values in read_text_rows(path, encoding, delimiter)]


@settings(deadline=None)
@given(
    table=TABLES,
    form=st.sampled_from([("mer", COMMA), ("tab", TAB)]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block=st.sampled_from([1, 2, 3, 7, 1 << 20]),
)
def test_any_table_reads_back_with_returns_as_line_ends(
    table: tuple[list[str], list[list[str]]], form: tuple[Form, str], encoding: str, block: int
) -> None:
    header, records = table
    ending, delimiter = form
    if ending == "tab":
        # what FileMaker does to tabs, and what cannot be told from the end of a line before it
        records = [[value.replace(TAB, " ") for value in record] for record in records]
        records = [[record[0].lstrip("\n"), *record[1:]] for record in records]
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(files_text, "BLOCK_BYTES", block):
        content = text_export([header, *records], ending, encoding)
        expected = [[value.replace("\r\n", "\r").replace("\n", "\r") for value in record] for record in records]
        assert rows_of(Path(folder) / "x", content, delimiter) == [header, *expected]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("block", [1, 2, 3, 5, 1 << 20])
def test_lines_may_end_as_other_programs_end_them(
    tmp_path: Path, end: str, last: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_text, "BLOCK_BYTES", block)
    expected = [["id", "note"], ["A", "first\rsecond"], ["B", "b"]]
    quoted = end.join(['"id","note"', '"A","first\x0bsecond"', '"B","b"']) + (end if last else "")
    tabbed = end.join(["id\tnote", "A\tfirst\x0bsecond", "B\tb"]) + (end if last else "")
    assert rows_of(tmp_path / "x", quoted.encode()) == expected
    assert rows_of(tmp_path / "x", tabbed.encode(), TAB) == expected


@pytest.mark.parametrize("delimiter", [COMMA, TAB])
def test_a_file_may_mix_its_line_ends(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "note"], ["A", "a"], ["B", "b"], ["C", "c"], ["D", "d"]]
    lines = [delimiter.join(row) for row in rows]
    content = f"{lines[0]}\r\n{lines[1]}\r{lines[2]}\r\n{lines[3]}\r\n{lines[4]}\r\n"
    assert rows_of(tmp_path / "x", content.encode(), delimiter) == rows


@pytest.mark.parametrize("block", [1, 2, 1 << 20])
@pytest.mark.parametrize(("first", "end"), [("\n", "\r"), ("\n", "\r\n"), ("\r\n", "\r"), ("\r\n", "\n")])
def test_header_that_another_program_put_first_may_end_its_own_way(
    tmp_path: Path, first: str, end: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_text, "BLOCK_BYTES", block)
    inside = "two\nlines" if "\r" in end else "two"
    content = f"id\tnote{first}A\tone{end}B\t{inside}{end}".encode()
    assert rows_of(tmp_path / "x", content, TAB) == [
        ["id", "note"],
        ["A", "one"],
        ["B", inside.replace("\n", "\r")],
    ]


def test_values_need_no_quotation_marks_and_may_stand_on_several_lines(tmp_path: Path) -> None:
    content = b'id,n\n"A",12.5\n"B","two\nlines"\n"C",\n'
    path = tmp_path / "x"
    path.write_bytes(content)
    assert list(read_text_rows(path, None, COMMA)) == [
        (1, ["id", "n"]),
        (2, ["A", "12.5"]),
        (3, ["B", "two\rlines"]),
        (5, ["C", ""]),
    ]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends_inside_quotation_marks_are_returns(tmp_path: Path, end: str) -> None:
    content = end.join(["id,note", '"A","one', 'two"', '"B",""']).encode()
    assert rows_of(tmp_path / "x", content) == [["id", "note"], ["A", "one\rtwo"], ["B", ""]]


def test_tab_files_keep_quotation_marks(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "x", b'id\tnote\rA\t"so" he said\r', TAB)[1] == ["A", '"so" he said']


def test_a_value_may_be_longer_than_a_block(tmp_path: Path) -> None:
    long = "ä" * files_text.BLOCK_BYTES
    assert rows_of(tmp_path / "x", text_export([["id"], [long], ["B"]], "mer")) == [["id"], [long], ["B"]]


@pytest.mark.parametrize(
    "mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE], ids=["8", "16 le", "16 be"]
)
@pytest.mark.parametrize("named", [None, "windows-1252"])
def test_the_byte_order_mark_decides_the_encoding(tmp_path: Path, mark: bytes, named: str | None) -> None:
    codec = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}[mark]
    content = mark + "id\r„Größe“ 🦷\r".encode(codec)
    assert rows_of(tmp_path / "x", content, TAB, named) == [["id"], ["„Größe“ 🦷"]]


@pytest.mark.parametrize("codec", ["windows-1252", "macintosh", "utf-16-le"])
def test_without_a_mark_the_named_encoding_is_used(tmp_path: Path, codec: str) -> None:
    assert rows_of(tmp_path / "x", "id\rGröße\r".encode(codec), TAB, codec) == [["id"], ["Größe"]]


@pytest.mark.parametrize("block", [1, 4, 1 << 20])
@pytest.mark.parametrize(
    ("content", "encoding", "line"),
    [
        ("id\rA\rGröße\r".encode("macintosh"), None, 3),
        (b"id\r\nA\r\nB\r\n" + "Größe".encode("cp1252"), None, 4),
        (b"\xff", None, 1),
        (codecs.BOM_UTF16_BE + "id\rA\rB".encode("utf-16-be") + b"\x00", None, 3),
        ("id\rGröße ".encode() + b"\x81", "cp1252", 2),
        (b"id\n\xc3", None, 2),
        ("id\rä\r".encode() + b"\xff", None, 3),
    ],
    ids=[
        "macintosh",
        "ansi",
        "first byte",
        "cut UTF-16",
        "not even ANSI",
        "cut character",
        "after a character that two blocks share",
    ],
)
def test_what_cannot_be_decoded_is_named_by_its_line(
    tmp_path: Path, content: bytes, encoding: str | None, line: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_text, "BLOCK_BYTES", block)
    with pytest.raises(
        DataError, match=rf"^x, line {line}: it cannot be read as .*'encoding' of the Airflow"
    ) as caught:
        rows_of(tmp_path / "x", content, TAB, encoding)
    assert "Gr" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"id\rA\rB\x00\r", 3), ("id\rA\r".encode("utf-16-le"), 1)],
    ids=["damaged", "UTF-16 without mark"],
)
def test_nul_is_refused(tmp_path: Path, content: bytes, line: int) -> None:
    with pytest.raises(DataError, match=rf"^x, line {line}: it holds a NUL character .* name utf-16-le"):
        rows_of(tmp_path / "x", content, TAB)


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['"id","note"', '"A","never closed', '"B","b"'], 2),
        (['"id","note"', '"A","a"', '"B","to the end'], 3),
        (['"id","note"', '"A","6" nails"'], 2),
        (['"id";"note"', '"A";"a"'], 1),
    ],
    ids=["not closed", "not closed at the end", "not doubled", "other separator"],
)
def test_quotation_marks_that_do_not_pair_up_are_refused(tmp_path: Path, lines: Sequence[str], line: int) -> None:
    with pytest.raises(DataError, match=rf"^x, line {line}: the quotation marks do not pair up\.") as caught:
        rows_of(tmp_path / "x", "\r".join(lines).encode())
    assert "nails" not in str(caught.value)


def test_a_file_without_line_ends_is_not_swallowed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_text, "BLOCK_BYTES", 10)
    monkeypatch.setattr(files_text, "MAX_LINE_CHARACTERS", 50)
    with pytest.raises(DataError, match=r"^x, line 2: it is longer than 50 characters"):
        rows_of(tmp_path / "x", b"id\r" + b"x" * 200, TAB)


@pytest.mark.parametrize("end", [b"\r", b"\n"])
def test_memory_holds_a_block_and_not_the_file(tmp_path: Path, end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[int] = []

    class Watched:
        def __init__(self, file: object) -> None:
            self.file = file

        def read(self, size: int) -> bytes:
            blocks.append(size)
            return self.file.read(size)  # type: ignore[attr-defined]

        def seek(self, position: int) -> None:
            self.file.seek(position)  # type: ignore[attr-defined]

    monkeypatch.setattr(files_text, "BLOCK_BYTES", 16)
    monkeypatch.setattr(files_text, "SAMPLE_CHARACTERS", 40)
    path = tmp_path / "x"
    path.write_bytes((b"id" + b"\nrecord" * 100).replace(b"\n", end))
    with path.open("rb") as file:
        lines = files_text._Lines(Watched(file), "x", None).read()  # type: ignore[arg-type]
        assert [next(lines), next(lines)] == ["id", "record"]
    assert sum(blocks) <= 3 + 4 * 16
