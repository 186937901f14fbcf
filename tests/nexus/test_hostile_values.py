"""Hostile values in every field of every mapping, in turn, staged in a real PostgreSQL.

Each is either named once with its record, field and rule, or stands in the staging table exactly as documented
(docs/mapping.md, "What is made of a value"). What is staged also fits the column of Nexus as it is, and no other
column of the record is touched.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nexus_import.core.mapping import ColumnMapping, EntityMapping, RowMapper, ValueFinding, load_mappings
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.staging import (
    create_staging_table,
    finish_staging_table,
    lock_staging,
    read_lookups,
    stage_records,
)
from psycopg import Connection, sql

from tests.nexus.manual_run import open_importer
from tests.nexus.quick_run import FileMaker
from tests.support.installation import Installation, start_installation

MAPPINGS = load_mappings(Path(__file__).resolve().parents[2] / "include" / "mapping")
SYDNEY = ZoneInfo("Australia/Sydney")
HUGE = "ünd so weiter " * 20_000
HOSTILE: dict[str, Any] = {
    "empty": "",
    "blank": " \t\r",
    "nothing": None,
    "huge": HUGE,
    "emoji": "👩‍⚕️🦶",
    "right to left": "\u202eשלום עולם",
    "nul": "a\x00b",
    "nul alone": "\x00",
    "line ends": "one\rtwo\x0bthree\r\nfour",
    "control": "a\x1d\x7fb",
    "half": "cut \ud83d",
    "end of day": "24:00:00",
    "no day": "31/02/2024",
    "day first": "13/01/2024",
    "short year": "1/13/24",
    "year 24": "01/13/0024",
    "html": "<script>alert('x')</script><b>&amp;</b>",
    "sql": "'); DROP TABLE patients; --",
    "copy": "\\N\t\\.\n\\x00",
    "json": '{"a": ["\\u0000"]}',
    "number": Decimal("1E+999999"),
    "fraction": 1.5,
    "large": 10**30,
    "negative": -1,
    "truth": True,
}
MADE_OF_THE_VALUE = {
    "wrong case": lambda value: str(value).swapcase(),
    "doubled": lambda value: f"{value}{value}",
    "padded": lambda value: f"\u00a0 {value} \r",
    "in braces": lambda value: f"{{{value}}}",
}
PLAIN_TEXT = {"text", "phone", "email", "post_code"}


@dataclass(frozen=True)
class Case:
    """One record in which one field is hostile."""

    record_id: str
    field: str
    kind: str
    value: Any
    fields: dict[str, Any]


@dataclass
class Staged:
    """An entity's hostile records as they were staged, and what was found."""

    mapping: EntityMapping
    usual: dict[str, Any]
    cases: list[Case]
    rows: dict[str, dict[str, Any]]
    found: dict[str, list[ValueFinding]]

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The row of the record in which nothing is hostile."""
        return self.rows["usual"]


def columns_of(mapping: EntityMapping, field: str) -> dict[str, ColumnMapping]:
    """Return the columns that a field has a part in; an end may be made of the type's length and of the start."""
    touched = {
        name: column for name, column in mapping.columns.items() if field in [used for _, used in column.fields()]
    }
    if "start_time" in touched or any(column.lookup == "appointment_types" for column in touched.values()):
        touched |= {name: column for name, column in mapping.columns.items() if column.length_from}
    return touched


def cases_of(mapping: EntityMapping, usual: dict[str, Any]) -> Iterator[Case]:
    """Yield a record for each field and each hostile value."""
    for field in mapping.fields():
        kinds = HOSTILE | {kind: make(usual[field]) for kind, make in MADE_OF_THE_VALUE.items()}
        for kind, value in kinds.items():
            yield Case(f"{field}/{kind}", field, kind, value, usual | {field: value})


@pytest.fixture(scope="module")
def shared(parts: Any) -> Iterator[Installation]:
    with start_installation(parts) as installation:
        yield installation


@pytest.fixture(scope="module")
def connection(shared: Installation) -> Iterator[Connection[Any]]:
    with open_importer(shared) as connection:
        yield connection


@pytest.fixture(scope="module", params=sorted(MAPPINGS))
def staged(request: Any, parts: Any, connection: Connection[Any]) -> Staged:
    """Every hostile record of an entity, staged in one COPY as a run does."""
    mapping = MAPPINGS[request.param]
    filemaker = FileMaker(parts)
    full = [filemaker.fields(mapping.entity, key) for key in filemaker.ids(mapping.entity)]
    usual = max(full, key=lambda fields: sum(fields[name] != "" for name in mapping.fields()))
    cases = list(cases_of(mapping, usual))
    types = {column.name: column.type for column in read_columns(connection, mapping.table or "")}
    mapper = RowMapper(mapping, read_lookups(connection, {}), SYDNEY, types)
    records = [("usual", "0", usual), *((case.record_id, "0", case.fields) for case in cases)]
    with connection.transaction():
        lock_staging(connection, "hostile")
        create_staging_table(connection, mapping)
        count, unreadable = stage_records(connection, mapper, records)
        finish_staging_table(connection, mapping.entity)
    assert count == len(records)
    found: dict[str, list[ValueFinding]] = {record_id: [] for record_id, *_ in records}
    for finding in unreadable:
        found[finding.record_id].append(finding)
    others = connection.execute(
        "SELECT record_id, filemaker_id, field, detail, check_id FROM nexus_staging.value_finding WHERE entity = %s",
        (mapping.entity,),
    )
    for finding in (ValueFinding(*row) for row in others):
        found[finding.record_id].append(finding)
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier("nexus_staging", mapping.entity))
    cursor = connection.execute(query)
    names = [column.name for column in cursor.description or []]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
    return Staged(mapping, usual, cases, rows, found)


def test_record_without_anything_hostile_is_staged_without_a_finding(staged: Staged) -> None:
    assert staged.found["usual"] == []
    assert staged.plain["kept_columns"] == []


def test_each_problem_is_listed_once_under_the_field_and_without_the_value(staged: Staged) -> None:
    for case in staged.cases:
        found = staged.found[case.record_id]
        assert Counter(finding.field for finding in found).most_common(1) in (
            [],
            [(found[0].field, 1)] if found else [],
        )
        allowed = {case.field} | {column.field for column in columns_of(staged.mapping, case.field).values()}
        assert {finding.field for finding in found} <= allowed, case.record_id
        assert not any(str(case.value) in finding.rule for finding in found if len(str(case.value)) > 2), case.record_id


def test_no_other_column_is_touched(staged: Staged) -> None:
    for case in staged.cases:
        touched = {"record_id", "kept_columns"}
        for name in columns_of(staged.mapping, case.field):
            touched |= {name, f"{name}_name", f"{name}_filemaker_id"}
        if case.field == staged.mapping.key:
            touched |= {"filemaker_id", "filemaker_id_text", "nexus_id"}
        row = staged.rows[case.record_id]
        assert {name for name, value in row.items() if value != staged.plain[name]} <= touched, case.record_id


def test_what_is_kept_from_nexus_is_found_or_a_name_that_nexus_does_not_have(staged: Staged) -> None:
    for case in staged.cases:
        for name in staged.rows[case.record_id]["kept_columns"]:
            column = staged.mapping.columns[name]
            row = staged.rows[case.record_id]
            assert staged.found[case.record_id] or (column.lookup and row[f"{name}_name"] and row[name] is None)


def test_a_value_without_a_finding_is_staged_as_documented(staged: Staged) -> None:
    for case in staged.cases:
        row = staged.rows[case.record_id]
        if staged.found[case.record_id]:
            continue
        for name, column in columns_of(staged.mapping, case.field).items():
            expect(staged, case, name, column, row)


def expect(staged: Staged, case: Case, name: str, column: ColumnMapping, row: dict[str, Any]) -> None:
    """Assert that a column holds what its type makes of the value."""
    text = documented(case.value)
    if column.lookup:
        shown = re.sub(r"\s+", " ", text) if len(text) <= 200 else "(longer than 200 characters)"
        assert row[f"{name}_name"] == (shown or None), case.record_id
        assert row[name] in (None, staged.plain[name]), case.record_id
    elif column.reference:
        assert row[f"{name}_filemaker_id"] == (re.sub(r"^\{(.{36})\}$", r"\1", text).lower() or None), case.record_id
    elif column.type in PLAIN_TEXT:
        assert row[name] == (text or column.empty), case.record_id
    elif column.type == "text_list":
        assert row[name] == ([text] if text else []), case.record_id
    elif isinstance(row[name], date | datetime):
        expect_no_wrong_day(staged, case, name, column, row[name])
    elif column.type == "integer":
        assert row[name] is None if text == "" else row[name] == int(Decimal(text)), case.record_id
    elif column.type == "title":
        assert (row[name] or "") == text.capitalize(), case.record_id
    elif column.type == "code":
        assert row[name] in (*column.choices, column.empty), case.record_id
    elif column.type == "sex":
        assert row[name] == ("U" if text == "" else staged.plain[name]), case.record_id
    else:
        assert row[name] is None, case.record_id


def expect_no_wrong_day(staged: Staged, case: Case, name: str, column: ColumnMapping, value: Any) -> None:
    """Assert that a day or an instant is the usual one, the end of its day, or made of the start where it is empty."""
    text, usual = documented(case.value), staged.plain[name]
    if text == "" and column.only_new:
        assert abs((value - datetime.now(UTC)).total_seconds()) < 86_400
    elif text == "24:00:00" and case.field == column.time_field:
        day = datetime.strptime(staged.usual[column.field], "%m/%d/%Y")
        assert (value.astimezone(SYDNEY).replace(tzinfo=None) - day).days == 1, case.record_id
    elif column.length_from:
        start = staged.rows[case.record_id]["start_time"]
        assert value == usual or 0 < (value - start).total_seconds() <= 7_200, case.record_id
    else:
        assert value == usual, case.record_id


def documented(value: Any) -> str:
    """Return the text that a value counts as, written down here once more."""
    if isinstance(value, Decimal | float):
        return str(value)
    text = "" if value is None else str(value)
    for end in ("\r\n", "\r", "\x0b", "\x0c"):
        text = text.replace(end, "\n")
    kept = [character for character in text if character in "\t\n" or not (character < " " or character == "\x7f")]
    return "".join(kept).strip()


def test_what_is_staged_fits_its_column_in_nexus_uncut(staged: Staged, connection: Connection[Any]) -> None:
    """Where a phase casts a value to its column, nothing of it is lost: an explicit cast cuts without a word."""
    table = sql.Identifier("nexus_staging", staged.mapping.entity)
    for column in read_columns(connection, staged.mapping.table or ""):
        mapped = staged.mapping.columns.get(column.name)
        if mapped is None or mapped.reference:
            continue
        cut = connection.execute(
            sql.SQL("SELECT record_id FROM {} WHERE {name}::{type}::text IS DISTINCT FROM {name}::text").format(
                table, name=sql.Identifier(column.name), type=sql.SQL(column.type)
            )
        )
        assert cut.fetchall() == [], column.name


def test_dates_that_are_none_are_all_found(staged: Staged) -> None:
    kinds = {"no day", "day first", "short year", "year 24", "html", "sql", "huge", "nul", "doubled", "large"}
    for case in staged.cases:
        is_day = any(
            column.type in ("date", "wall_time", "day_start") and case.field in (column.field, column.time_field)
            for column in staged.mapping.columns.values()
        )
        if is_day and case.kind in kinds and staged.usual[case.field]:
            assert staged.found[case.record_id], case.record_id


def test_findings_are_words_that_json_and_csv_can_hold(staged: Staged) -> None:
    for found in staged.found.values():
        json.dumps([finding.rule for finding in found])
        assert all("\n" not in finding.rule and len(finding.rule) < 200 for finding in found)
