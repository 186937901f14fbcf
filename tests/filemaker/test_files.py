"""A folder of exported files as a source of records: finding, proving, walking and continuing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from nexus_import.errors import ConfigurationError, DataError, FileMakerMovedError
from nexus_import.filemaker import files, files_text
from nexus_import.filemaker.cursor import WalkedPage
from nexus_import.filemaker.files import FilesSource, FileWalk
from nexus_import.filemaker.files_layout import FileOptions

from local.clinic.exports import text_export, write_workbook

from .exported import LAYOUT, mapping_of, put, read, source_of, values

MAPPING = mapping_of("note")


def merge(*rows: list[str]) -> bytes:
    return text_export(rows, "mer")


@pytest.fixture
def numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], FilesSource]:
    """Write a file of so many records, without ids of FileMaker's; pages hold two."""
    monkeypatch.setattr(files, "PAGE_SIZE_RECORDS", 2)
    monkeypatch.setattr(files_text, "BLOCK_BYTES", 8)
    return lambda count: put(
        tmp_path, "API_Contacts.mer", merge(["id", "note"], *([f"{n}", "x"] for n in range(count)))
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("API_Contacts.mer", b'"id","note"\r"A","a\x0bb"\r'),
        ("API_Contacts.csv", b'"id","note"\r"A","a\x0bb"\r'),
        ("API_Contacts.tab", b"id\tnote\rA\ta\x0bb\r"),
        ("API_Contacts.tsv", b"id\tnote\rA\ta\x0bb\r"),
        ("API_Contacts.txt", b"id\tnote\rA\ta\x0bb\r"),
        ("api_contacts.MER", b'"id","note"\r"A","a\x0bb"\r'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_text_format_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    source = put(tmp_path, name, content)
    assert values(source, "id", "note") == [("A", "a\rb")]
    assert source.found_count(MAPPING) == 1
    assert source.where(LAYOUT) == f"File {name}"


def test_excel_is_read_and_short_rows_are_filled(tmp_path: Path) -> None:
    records = [{"id": "A", "note": "a\rb"}, {"id": "", "note": ""}, {"id": "C", "note": ""}]
    write_workbook(tmp_path / "API_Contacts.xlsx", {"id": "text", "note": "text"}, records)
    found, _ = read(source_of(tmp_path), MAPPING)
    assert [(record.record_id, record.fields) for record in found] == [
        ("row 2", {"id": "A", "note": "a\rb"}),
        ("row 3", {"id": "", "note": ""}),
        ("row 4", {"id": "C", "note": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("API_Contacts.mer", b'"id";"note"\r"A";"a;b"\r', ";"),
        ("API_Contacts.csv", b"id\tnote\rA\ta;b\r", "\t"),
        ("API_Contacts.txt", b'"id","note"\r"A","a;b"\r', ","),
        ("API_Contacts.tab", b"id\tnote\rA\ta;b\r", ";"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_delimiter_can_be_named_but_for_tab_files(
    tmp_path: Path, name: str, content: bytes, delimiter: str
) -> None:
    put(tmp_path, name, content)
    assert values(source_of(tmp_path, delimiter=delimiter), "id", "note") == [("A", "a;b")]


@pytest.mark.parametrize("name", ["Fälle%2F2025 §.mer", "fa\u0308lle%2F2025 §.mer", "F%C3%A4lle%2F2025 %C2%A7.mer"])
def test_names_that_no_file_can_have_are_encoded(tmp_path: Path, name: str) -> None:
    source = put(tmp_path, name, merge(["id"], ["A"]))
    assert source.found_count(mapping_of(layout="Fälle/2025 §")) == 1


def test_header_only_is_an_empty_layout(tmp_path: Path) -> None:
    records, summary = read(put(tmp_path, "API_Contacts.mer", merge(["id", "note"])), MAPPING)
    assert records == []
    assert (summary.found_at_end, summary.distinct_read, summary.vanished_record_ids) == (0, 0, ())


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, reason in ((tmp_path / "gone", "No such file or directory"), (tmp_path / "file", "Not a directory")):
        with pytest.raises(
            ConfigurationError, match=rf"The folder {path} of the exported files cannot be read: {reason}"
        ):
            source_of(path).found_count(MAPPING)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file for layout API_Contacts: .* It has no such files at all\.$"):
        source_of(tmp_path).found_count(MAPPING)
    for name in ("API_Notes.mer", "API_Contact.csv", "API_Contacts.fmp12", "~$API_Contacts.xlsx", "._API_Contacts.mer"):
        put(tmp_path, name, b"id\r")
    with pytest.raises(DataError, match=r"The nearest of its 3 files is API_Contact\.csv\.$"):
        source_of(tmp_path).found_count(MAPPING)


def test_two_files_for_a_layout_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "API_Contacts.mer", b"id\r")
    source = put(tmp_path, "api_contacts.csv", b"id\r")
    with pytest.raises(
        DataError, match=r"2 files for layout API_Contacts: API_Contacts\.mer, api_contacts\.csv\. Leave"
    ):
        source.found_count(MAPPING)


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "API_Contacts.mer").mkdir()
    with pytest.raises(DataError, match=r"^API_Contacts\.mer cannot be read: Is a directory"):
        source_of(tmp_path).missing_fields(MAPPING)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\t\t\r"], ids=repr)
def test_an_empty_file_is_no_empty_layout(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"^API_Contacts\.tab is empty: it does not even hold field names"):
        put(tmp_path, "API_Contacts.tab", content).missing_fields(MAPPING)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["id", "Private", "x", "Private"], "columns 2 and 4 have the same name"),
        (["id", "Private", ""], "column 3 of 3 has no name"),
        (["id;Private"], "the first line is one field, with separators in it"),
    ],
    ids=["twice", "without name", "other separator"],
)
def test_a_header_that_is_none_is_refused_without_quoting_it(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=rf"^API_Contacts\.mer: {message}") as caught:
        put(tmp_path, "API_Contacts.mer", merge(names)).missing_fields(MAPPING)
    assert "Private" not in str(caught.value)


def test_fields_that_are_missing_are_named(tmp_path: Path) -> None:
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "phone", "fax (2)"]))
    assert source.missing_fields(mapping_of("note", "phone", "phone(2)", "fax (2)", "Id")) == ["note", "Id"]


def test_records_of_another_width_are_counted_and_named(tmp_path: Path) -> None:
    rows = [["id", "note"], *([["A", "a"]] * 3), *([["B"], ["C", "c", "c"]] * 4)]
    source = put(tmp_path, "API_Contacts.mer", merge(*rows))
    message = (
        r"^API_Contacts\.mer: 8 records do not have 2 fields .* \(line 5, 6, 7, 8, 9 and 3 more\)\. Export the file"
    )
    with pytest.raises(DataError, match=message):
        source.found_count(MAPPING)
    with pytest.raises(DataError, match=message):
        next(source.walk(MAPPING))


def test_a_row_of_excel_may_not_be_wider_than_the_header(tmp_path: Path) -> None:
    records = [{"id": "A", "note": "a", "": "more"}]
    write_workbook(tmp_path / "API_Contacts.xlsx", {"id": "text", "note": "text", "": "text"}, records)
    with pytest.raises(DataError, match=r"^API_Contacts\.xlsx: 1 records do not have 2 fields .* \(row 2\)"):
        source_of(tmp_path).found_count(MAPPING)


@pytest.mark.parametrize("names", [("recordId", "modId"), ("RecordID", "MODID")])
def test_filemakers_own_ids_are_used_where_the_file_has_them(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = [["id", *names, "note"], ["A", "17", "3", "a"], ["B", "9", "", "b"]]
    records, _ = read(put(tmp_path, "API_Contacts.mer", merge(*rows)), MAPPING)
    assert (records[0].record_id, records[0].mod_id) == ("17", "3")
    assert records[1].record_id == "9"
    assert len(records[1].mod_id) == 32


def test_record_ids_must_be_there_and_differ(tmp_path: Path) -> None:
    rows = [["id", "recordId", "note"], ["A", "1", ""], ["B", "", ""], ["C", "1", ""], ["D", "2", ""]]
    with pytest.raises(DataError, match=r"2 records have no recordid, or one that an earlier record has \(line 3, 4\)"):
        put(tmp_path, "API_Contacts.mer", merge(*rows)).found_count(MAPPING)


def test_without_ids_the_line_and_a_digest_stand_in_for_them(tmp_path: Path) -> None:
    content = b'"id","note"\r"A","x"\r"B","two\rlines"\r"C","x"\r"A","x"\r'
    first, _ = read(put(tmp_path, "API_Contacts.mer", content), MAPPING)
    assert [record.record_id for record in first] == ["line 2", "line 3", "line 5", "line 6"]
    mods = [record.mod_id for record in first]
    assert mods[0] == mods[3]
    assert len(set(mods)) == 3
    second, _ = read(put(tmp_path, "API_Contacts.mer", content.replace(b'"C","x"', b'"C","y"')), MAPPING)
    assert [record.mod_id == mod for record, mod in zip(second, mods, strict=True)] == [True, True, False, True]


def test_repetitions_are_named_as_the_data_api_names_them(tmp_path: Path) -> None:
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "phone"], ["A", "1\x1d\x1d3"], ["B", "4"], ["C", ""]))
    mapping = mapping_of("phone(1)", "phone(3)")
    assert source.missing_fields(mapping) == []
    records, _ = read(source, mapping)
    assert [(r.fields["phone(1)"], r.fields.get("phone(3)")) for r in records] == [("1", "3"), ("4", None), ("", None)]


def test_repetitions_are_never_read_as_one_value(tmp_path: Path) -> None:
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "note", "x"], ["A", "a", "1\x1d2"], ["B", "1\x1d2", ""]))
    with pytest.raises(DataError, match=r"1 records hold several repetitions .* \(line 3\)\. Name .*patient\.yaml"):
        source.found_count(MAPPING)
    assert source.found_count(mapping_of("x(1)")) == 2


@pytest.mark.parametrize(
    ("text", "month_first", "day_first"),
    [
        ("03/11/2025", "03/11/2025", "2025-11-03"),
        (" 3.1.2025 ", " 3.1.2025 ", "2025-01-03"),
        ("12/25/2025", "12/25/2025", "2025-25-12"),
        ("2025-11-03", "2025-11-03", "2025-11-03"),
        ("03/11/2025 10:30:00", "03/11/2025 10:30:00", "2025-11-03 10:30:00"),
        ("3/11/25", "3/11/25", "3/11/25"),
        ("", "", ""),
    ],
)
def test_dates_are_read_in_the_order_that_is_set(tmp_path: Path, text: str, month_first: str, day_first: str) -> None:
    day, text_field = {"field": "d", "type": "date"}, {"field": "t"}
    stamp = {"field": "m", "type": "timestamp"}
    start = {"field": "s", "type": "wall_time", "time_field": "c"}
    mapping = mapping_of(born=day, start=start, changed=stamp, other=text_field)
    put(tmp_path, "API_Contacts.mer", merge(["id", "d", "s", "m", "c", "t"], ["A", text, text, text, "", text]))
    for source, expected in ((source_of(tmp_path), month_first), (source_of(tmp_path, date_order="dmy"), day_first)):
        records, _ = read(source, mapping)
        assert records[0].fields == {"id": "A", "d": expected, "s": expected, "m": expected, "c": "", "t": text}


def test_dates_of_excel_are_known_as_dates_whatever_the_order(tmp_path: Path) -> None:
    write_workbook(tmp_path / "API_Contacts.xlsx", {"id": "text", "d": "date"}, [{"id": "A", "d": "03/11/2025"}])
    for order, expected in (("mdy", "03/11/2025"), ("dmy", "2025-03-11")):
        records, _ = read(source_of(tmp_path, date_order=order), mapping_of(born={"field": "d", "type": "date"}))
        assert records[0].fields["d"] == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_pages_hold_every_record_once_and_in_order(numbered: Callable[[int], FilesSource], count: int) -> None:
    walk = numbered(count).walk(MAPPING)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = walk.summary
    pages = list(walk)
    assert [record.fields["id"] for page in pages for record in page.records] == [str(n) for n in range(count)]
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert [page.read_count for page in pages] == [min(2 * page.number, count) for page in pages]
    assert {page.found_at_start for page in pages} <= {count}
    assert not any(page.is_reread for page in pages)
    assert (walk.summary.found_at_start, walk.summary.found_at_end, walk.summary.distinct_read) == (count,) * 3
    assert walk.summary.pages == len(pages) == (count + 1) // 2


def stored_of(pages: list[WalkedPage]) -> dict[str, str]:
    return {record.record_id: record.mod_id for page in pages for record in page.records}


def interrupted(walk: FileWalk, page_count: int) -> list[WalkedPage]:
    return [next(walk) for _ in range(page_count)]


def test_a_walk_goes_on_where_it_was_interrupted(numbered: Callable[[int], FilesSource]) -> None:
    source = numbered(5)
    begun = interrupted(source.walk(MAPPING), 2)
    walk = source.walk(MAPPING, begun[-1].cursor.to_dict(), stored_of(begun))
    pages = list(walk)
    assert [(page.number, page.read_count, page.is_reread) for page in pages] == [(3, 5, False)]
    assert [record.fields["id"] for record in pages[0].records] == ["4"]
    assert (walk.summary.distinct_read, walk.summary.pages, walk.summary.vanished_record_ids) == (5, 3, ())


def test_a_walk_goes_on_with_the_newer_file(numbered: Callable[[int], FilesSource], tmp_path: Path) -> None:
    begun = interrupted(numbered(5).walk(MAPPING), 2)
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "note"], ["0", "x"], ["new", "x"]))
    walk = source.walk(MAPPING, begun[-1].cursor.to_dict(), stored_of(begun))
    pages = list(walk)
    # what is the same may be so by chance: the whole file replaces what is stored
    assert [(record.record_id, record.fields["id"]) for page in pages for record in page.records] == [
        ("line 2", "0"),
        ("line 3", "new"),
    ]
    assert [page.is_reread for page in pages] == [True]
    assert walk.summary.vanished_record_ids == ("line 4", "line 5")
    assert walk.summary.distinct_read - len(walk.summary.vanished_record_ids) == 2


def test_a_second_interruption_knows_which_file_the_pages_are_of(
    numbered: Callable[[int], FilesSource], tmp_path: Path
) -> None:
    begun = interrupted(numbered(5).walk(MAPPING), 1)
    rows = [[f"{n}", "y"] for n in range(5)]
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "note"], *rows))
    again = interrupted(source.walk(MAPPING, begun[-1].cursor.to_dict(), stored_of(begun)), 1)
    walk = source.walk(MAPPING, again[-1].cursor.to_dict(), stored_of([*begun, *again]))
    assert [record.fields["id"] for page in walk for record in page.records] == ["2", "3", "4"]
    assert walk.summary.distinct_read == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b'"more","x"\r'),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"4"', b'"5"')),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"4","', b'"4;;;')),
        lambda path: path.write_bytes(b""),
    ],
    ids=["longer", "same length", "shorter", "a field less", "empty"],
)
def test_a_file_that_changes_while_it_is_read_stops_the_walk(
    numbered: Callable[[int], FilesSource], tmp_path: Path, change: Callable[[Path], object]
) -> None:
    numbered(5)
    # more than what Python reads of a file at once
    source = put(tmp_path, "API_Contacts.mer", merge(["id", "note"], *([f"{n}", "x" * 8192] for n in range(5))))
    walk = source.walk(MAPPING)
    next(walk)
    change(tmp_path / "API_Contacts.mer")
    with pytest.raises(FileMakerMovedError, match=r"^API_Contacts\.mer changed while it was read\. Wait"):
        list(walk)


def test_a_file_that_is_still_being_written_is_not_called_damaged(
    numbered: Callable[[int], FilesSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, path = numbered(2), tmp_path / "API_Contacts.mer"
    path.write_bytes(path.read_bytes() + b'"2","cut')
    digests = iter([hashlib.sha256(b"as it was").hexdigest()])
    exported = source.file_of(LAYOUT)
    real = exported.digest
    monkeypatch.setattr(exported, "digest", lambda: next(digests, None) or real())
    monkeypatch.setattr(source, "file_of", lambda layout: exported)
    with pytest.raises(FileMakerMovedError, match="changed while it was read"):
        list(source.walk(MAPPING))


def test_the_log_says_which_file_was_read_and_no_value(
    numbered: Callable[[int], FilesSource], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        records, _ = read(numbered(1), MAPPING)
    digest = hashlib.sha256((tmp_path / "API_Contacts.mer").read_bytes()).hexdigest()
    assert caplog.messages == [f"API_Contacts.mer holds 1 records (SHA-256 {digest})"]
    assert "'x'" not in repr(records)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "latin-9000"}, "no character set 'latin-9000'"),
        ({"encoding": "base64"}, "no character set 'base64'"),
        ({"delimiter": "::"}, "one character"),
        ({"delimiter": '"'}, "one character"),
        ({"date_order": "ymd"}, "must be mdy or dmy, not 'ymd'"),
    ],
    ids=str,
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FileOptions(**options)  # type: ignore[arg-type]
