"""A FileMaker full of hostile values, read over HTTP: the run stops with each named once; relaxed, it spoils nothing.

One field of each record is hostile, every mapped field in turn, keys and references apart: those would only make other
records strangers. FileMaker's own fields are text here, as where a clinic keeps dates in text fields.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.mapping import ColumnMapping, EntityMapping
from nexus_import.nexus.checks import PROTECTIVE_CHECKS, known_checks
from psycopg import sql

from local.clinic import SEED_CLINIC
from tests.nexus.hostile import HOSTILE, MADE_OF_THE_VALUE, MAPPINGS, PLAIN_TEXT, columns_of, documented
from tests.support.copies import own_include
from tests.support.installation import Installation, start_installation, start_parts
from tests.support.runs import Run

SCALE = 0.06
GATE = "phase_0_validate.gate"
KINDS = ("empty", "huge", "emoji", "right to left", "nul", "end of day", "no day", "short year", "html", "sql")
MADE = ("wrong case", "doubled")
PARAMETERS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}
DATES = {"date", "wall_time", "day_start"}


@dataclass(frozen=True)
class Spoilt:
    """A record of which one field is hostile."""

    mapping: EntityMapping
    record_id: str
    key: str
    field: str
    value: str


@dataclass(frozen=True)
class Clinic:
    """The installation, what is spoilt in its FileMaker, and live Nexus before any run, by table and id."""

    installation: Installation
    spoilt: list[Spoilt]
    before: dict[str, dict[str, dict[str, Any]]]


def spoil(path: Path, mapping: EntityMapping) -> Iterator[Spoilt]:
    """Write hostile values into the records of a layout, and yield each."""
    content = json.loads(path.read_text())
    for described in content["fields"]:
        described["result"] = "text"
    apart = {*mapping.key_fields, *(column.field for column in mapping.columns.values() if column.reference)}
    fields = [field for field in mapping.fields() if field not in apart]
    wanted = cycle([(field, kind) for kind in (*KINDS, *MADE) for field in fields])
    for record, (field, kind) in zip(content["records"], wanted, strict=False):
        usual = str(record["fieldData"][field])
        value = str(HOSTILE[kind]) if kind in KINDS else str(MADE_OF_THE_VALUE[kind](usual))
        record["fieldData"][field] = value
        yield Spoilt(mapping, record["recordId"], record["fieldData"][mapping.key_fields[0]].lower(), field, value)
    path.write_text(json.dumps(content))


def read_live(installation: Installation) -> dict[str, dict[str, dict[str, Any]]]:
    tables = {mapping.table for mapping in MAPPINGS["default"].values() if mapping.table}
    with installation.owner() as connection:
        found = {}
        for table in tables:
            rows = connection.execute(
                sql.SQL("SELECT id::text, to_jsonb(t) FROM {} AS t").format(sql.Identifier(table))
            )
            found[table] = dict(rows.fetchall())
    return found


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with start_parts(tmp_path_factory.mktemp("hostile"), SEED_CLINIC, SCALE) as parts:
        folder = parts.clinic / "filemaker"
        spoilt = [
            each
            for mapping in MAPPINGS["default"].values()
            for each in spoil(folder / f"{mapping.layout}.json", mapping)
        ]
        with start_installation(parts) as installation, pytest.MonkeyPatch.context() as patch:
            for name, value in installation.environment().items():
                patch.setenv(name, value)
            yield Clinic(installation, spoilt, read_live(installation))


def test_strict_run_stops_and_names_each_field_once(clinic: Clinic, dag: Any) -> None:
    run = Run(clinic.installation, dag, PARAMETERS).go()
    assert run.results[GATE] is False
    assert set(run.errors) == {"end.outcome"}
    assert read_live(clinic.installation) == clinic.before
    found = clinic.installation.rows(
        "SELECT entity, record_id, coalesce(field, ''), check_id FROM nexus_import.finding WHERE run_id = %s"
        " AND record_id IS NOT NULL",
        run.run_id,
    )
    assert [one for one, count in Counter(found).items() if count > 1] == []
    named = {(entity, record_id, field) for entity, record_id, field, _ in found}
    hostile = {(each.mapping.entity, each.record_id) for each in clinic.spoilt}
    assert {(entity, record_id) for entity, record_id, _ in named} <= hostile
    for each in clinic.spoilt:
        touched = {column.field for column in columns_of(each.mapping, each.field).values()} | {each.field}
        said = {field for entity, record, field in named if (entity, record) == (each.mapping.entity, each.record_id)}
        assert said <= touched | {""}, each


def test_relaxed_run_publishes_what_can_be_used_and_spoils_nothing(clinic: Clinic, dag: Any, tmp_path: Path) -> None:
    with own_include(tmp_path, severity=dict.fromkeys(sorted(known_checks() - {*PROTECTIVE_CHECKS}), "warn")):
        run = Run(clinic.installation, dag, PARAMETERS, answer="Approve").go()
    assert run.errors == {}
    after = read_live(clinic.installation)
    ids = {
        (entity, key): nexus_id
        for entity, key, nexus_id in clinic.installation.rows(
            "SELECT entity, filemaker_id, nexus_id::text FROM nexus_import.identity"
        )
    }
    unused = {
        tuple(row)
        for row in clinic.installation.rows(
            "SELECT entity, record_id FROM nexus_import.finding WHERE run_id = %s AND record_id IS NOT NULL", run.run_id
        )
    }
    looked_at = Counter[str]()
    for each in clinic.spoilt:
        table = each.mapping.table
        row = after[table].get(ids.get((each.mapping.entity, each.key), "")) if table else None
        if table is None or row is None:
            assert table is None or (each.mapping.entity, each.record_id) in unused, each.record_id
            continue
        former = clinic.before[table].get(row["id"], {})
        for name, column in columns_of(each.mapping, each.field).items():
            is_named = (each.mapping.entity, each.record_id) in unused
            looked_at[expect_unspoilt(each, name, column, row, former, is_named)] += 1
    assert looked_at["exact"] > 100
    assert looked_at["day"] > 20


def expect_unspoilt(
    each: Spoilt, name: str, column: ColumnMapping, row: dict[str, Any], former: dict[str, Any], is_named: bool
) -> str:
    """Assert that a column holds the value to the last character, or what Nexus had; return how it was looked at."""
    where = (each.mapping.entity, each.record_id, each.field, name)
    text = documented(each.value)
    if column.type in PLAIN_TEXT and not (column.lookup or column.reference or column.part):
        kept = {former.get(name, column.empty)} if is_named or column.clinical or column.keep_when_empty else set()
        assert row[name] in {text or column.empty} | kept, where
        return "exact"
    if column.type in DATES and former:
        assert row[name] is None or is_named or row[name][:10] == former[name][:10] or column.has_length, where
        return "day"
    return "other"
