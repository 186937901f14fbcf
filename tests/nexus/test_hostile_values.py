"""Hostile values in every field of every mapping of both configurations, in turn, staged in a real PostgreSQL.

Each is either named once with its record, field and rule, or stands in the staging table exactly as documented
(docs/mapping.md, "What is made of a value"). What is staged also fits the column of Nexus as it is, and no other
column of the record is touched. A record that a rule skips, or whose name another record has, is not imported at all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.mapping import ColumnMapping
from nexus_import.core.values.names import read_name_key
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.staging import REPEATED
from psycopg import Connection, sql

from local.clinic import REFERENCE_CLINIC
from tests.nexus.hostile import (
    MAPPINGS,
    PLAIN_TEXT,
    SYDNEY,
    Case,
    Staged,
    columns_of,
    documented,
    open_clinics,
    stage_hostile,
)
from tests.support.installation import start_parts

SCALE = 0.02
ENTITIES = [(configuration, entity) for configuration in MAPPINGS for entity in sorted(MAPPINGS[configuration])]
Clinics = dict[str, tuple[Path, Connection[Any]]]


@pytest.fixture(scope="module")
def clinics(parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinics]:
    with (
        start_parts(tmp_path_factory.mktemp("reference"), REFERENCE_CLINIC, SCALE) as reference,
        open_clinics(parts, reference) as opened,
    ):
        yield opened


@pytest.fixture(scope="module", params=ENTITIES, ids="-".join)
def staged(request: Any, clinics: Clinics) -> Staged:
    """Every hostile record of an entity of a configuration, staged in one COPY as a run does."""
    configuration, entity = request.param
    return stage_hostile(*clinics[configuration], MAPPINGS[configuration], entity)


def test_record_without_anything_hostile_is_staged_without_a_finding(staged: Staged) -> None:
    assert staged.found["0 usual"] == []
    kept = [staged.mapping.columns[name] for name in staged.plain["kept_columns"]]
    assert [column for column in kept if not column.keep_when_empty or staged.usual[column.field] != ""] == []


def test_each_problem_is_listed_once_under_the_field_and_without_the_value(staged: Staged) -> None:
    for case in staged.imported:
        found = staged.found[case.record_id]
        assert Counter(finding.field for finding in found).most_common(1) in (
            [],
            [(found[0].field, 1)] if found else [],
        )
        allowed = {case.field} | {column.field for column in columns_of(staged.mapping, case.field).values()}
        assert {finding.field for finding in found} <= allowed, case.record_id
        assert not any(str(case.value) in finding.rule for finding in found if len(str(case.value)) > 2), case.record_id


def test_no_other_column_is_touched(staged: Staged) -> None:
    for case in staged.imported:
        touched = {"record_id", "kept_columns"}
        for name in columns_of(staged.mapping, case.field):
            touched |= {name, f"{name}_name", f"{name}_filemaker_id"}
        if case.field in staged.mapping.key_fields:
            touched |= {"filemaker_id", "filemaker_id_text", "nexus_id"}
        row = staged.rows[case.record_id]
        assert {name for name, value in row.items() if value != staged.plain[name]} <= touched, case.record_id


def test_what_is_not_imported_is_out_of_scope_or_written_by_the_same_name(staged: Staged) -> None:
    assert {*staged.rows} | {*staged.skipped} == {"0 usual", *(case.record_id for case in staged.cases)}
    for case in staged.cases:
        rule = staged.skipped.get(case.record_id)
        assert rule is None or staged.found[case.record_id] == [] or rule == REPEATED
        if rule == REPEATED:
            row = next(row for row in staged.rows.values() if row["filemaker_id"] == read_name_key(case.value))
            assert row["record_id"] < case.record_id
        elif rule is not None:
            tested = staged.mapping.out_of_scope[rule]
            assert case.field in tested.fields, case.record_id
            assert documented(case.value) == "", case.record_id


def test_what_is_kept_from_nexus_is_found_or_a_name_that_nexus_does_not_have(staged: Staged) -> None:
    for case in staged.imported:
        row = staged.rows[case.record_id]
        for name in row["kept_columns"]:
            column = staged.mapping.columns[name]
            is_unknown = column.lookup and row[f"{name}_name"] and row[name] is None
            is_left = column.keep_when_empty and row[name] in (None, column.empty)
            assert staged.found[case.record_id] or is_unknown or is_left, case.record_id


def test_a_value_without_a_finding_is_staged_as_documented(staged: Staged) -> None:
    for case in staged.imported:
        row = staged.rows[case.record_id]
        if staged.found[case.record_id]:
            continue
        for name, column in columns_of(staged.mapping, case.field).items():
            expect(staged, case, name, column, row)


def expect(staged: Staged, case: Case, name: str, column: ColumnMapping, row: dict[str, Any]) -> None:
    """Assert that a column holds what its type makes of the value."""
    text = documented(case.value)
    if column.lookup:
        written = documented(case.fields[column.field])
        shown = re.sub(r"\s+", " ", written) if len(written) <= 200 else "(longer than 200 characters)"
        by_id = staged.plain[f"{name}_name"] if documented(case.fields.get(column.id_field or "")) else None
        assert row[f"{name}_name"] == (shown or by_id), case.record_id
        assert row[name] in (None, staged.plain[name]), case.record_id
    elif column.reference and staged.key_kinds.get(column.reference) == "name":
        assert row[f"{name}_filemaker_id"] == read_name_key(text), case.record_id
    elif column.reference:
        assert row[f"{name}_filemaker_id"] == (re.sub(r"^\{(.{36})\}$", r"\1", text).lower() or None), case.record_id
    elif column.part:
        expect_parts_of_the_name(case, text, row)
    elif column.type in PLAIN_TEXT:
        assert row[name] == (text or column.empty), case.record_id
    elif column.type == "text_list":
        assert row[name] == ([text] if text else []), case.record_id
    elif isinstance(row[name], date | datetime):
        expect_no_wrong_day(staged, case, name, column, row[name])
    elif column.type == "integer":
        assert row[name] is None if text == "" else row[name] == int(Decimal(text)), case.record_id
    elif column.type == "title":
        assert (row[name] or "") == text.rstrip(".").capitalize(), case.record_id
    elif column.type == "code":
        as_written = re.sub(r"\s+", "_", text).lower()
        assert row[name] in (*(column.choices or [as_written]), column.empty), case.record_id
    elif column.type == "sex":
        assert row[name] == ("U" if text == "" else staged.plain[name]), case.record_id
    else:
        assert row[name] is None, case.record_id


def expect_parts_of_the_name(case: Case, text: str, row: dict[str, Any]) -> None:
    """Assert that the parts hold every character of the name but those between them."""
    parts = "".join(str(row[name] or "") for name in ("first_name", "last_name", "organization"))
    between = re.compile(r"[\s,()\[\]\-\u2013\u2014]")
    assert Counter(between.sub("", parts)) == Counter(between.sub("", text)), case.record_id


def expect_no_wrong_day(staged: Staged, case: Case, name: str, column: ColumnMapping, value: Any) -> None:
    """Assert that a day or an instant is the usual one, the end of its day, or made of the start where it is empty."""
    text, usual = documented(case.value), staged.plain[name]
    if text == "" and column.empty == "now":
        day = value.astimezone(UTC).date() if isinstance(value, datetime) else value
        assert abs(day - datetime.now(UTC).date()) <= timedelta(days=1), case.record_id
    elif text == "24:00:00" and case.field == column.time_field:
        day = datetime.strptime(staged.usual[column.field], "%m/%d/%Y")
        assert (value.astimezone(SYDNEY).replace(tzinfo=None) - day).days == 1, case.record_id
    elif column.has_length:
        start = staged.rows[case.record_id]["start_time"]
        assert value == usual or 0 < (value - start).total_seconds() <= 7_200, case.record_id
    else:
        assert value == usual, case.record_id


def test_what_is_staged_fits_its_column_in_nexus_uncut(staged: Staged) -> None:
    """Where a phase casts a value to its column, nothing of it is lost: an explicit cast cuts without a word."""
    table = sql.Identifier("nexus_staging", staged.mapping.entity)
    for column in read_columns(staged.connection, staged.mapping.table or ""):
        mapped = staged.mapping.columns.get(column.name)
        if mapped is None or mapped.reference or mapped.details:
            continue
        cut = staged.connection.execute(
            sql.SQL("SELECT record_id FROM {} WHERE {name}::{type}::text IS DISTINCT FROM {name}::text").format(
                table, name=sql.Identifier(column.name), type=sql.SQL(column.type)
            )
        )
        assert cut.fetchall() == [], column.name


def test_dates_that_are_none_are_all_found(staged: Staged) -> None:
    kinds = {"no day", "day first", "short year", "year 24", "html", "sql", "huge", "nul", "doubled", "large"}
    for case in staged.imported:
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
