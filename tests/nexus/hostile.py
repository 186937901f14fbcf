"""Records of FileMaker in which one field is hostile, staged in a real PostgreSQL as a run does it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

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
from tests.support.installation import Parts, start_installation

FOLDER = Path(__file__).resolve().parents[2] / "include" / "mapping"
MAPPINGS = {"default": load_mappings(FOLDER), "reference": load_mappings(FOLDER / "reference")}
"""The mappings of each configuration, by entity."""
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


def documented(value: Any) -> str:
    """Return the text that a value counts as, written down here once more."""
    if isinstance(value, Decimal | float):
        return str(value)
    text = "" if value is None else str(value)
    for end in ("\r\n", "\r", "\x0b", "\x0c"):
        text = text.replace(end, "\n")
    kept = [character for character in text if character in "\t\n" or not (character < " " or character == "\x7f")]
    return "".join(kept).strip()


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
    """An entity's hostile records as they were staged, what was found, and by which rule others are not imported."""

    mapping: EntityMapping
    usual: dict[str, Any]
    cases: list[Case]
    rows: dict[str, dict[str, Any]]
    found: dict[str, list[ValueFinding]]
    skipped: dict[str, str]
    connection: Connection[Any]
    key_kinds: Mapping[str, str]

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The row of the record in which nothing is hostile."""
        return self.rows["0 usual"]

    @property
    def imported(self) -> list[Case]:
        """The cases that are imported: their rows are staged."""
        return [case for case in self.cases if case.record_id not in self.skipped]


def columns_of(mapping: EntityMapping, field: str) -> dict[str, ColumnMapping]:
    """Return the columns that a field has a part in; an end may be made of the type's length and of the start."""
    touched = {
        name: column for name, column in mapping.columns.items() if field in [used for _, used in column.fields()]
    }
    if "start_time" in touched or any(column.lookup == "appointment_types" for column in touched.values()):
        touched |= {name: column for name, column in mapping.columns.items() if column.has_length}
    return touched


def cases_of(mapping: EntityMapping, usual: dict[str, Any]) -> Iterator[Case]:
    """Yield a record for each field and each hostile value."""
    for field in mapping.fields():
        kinds = HOSTILE | {kind: make(usual[field]) for kind, make in MADE_OF_THE_VALUE.items()}
        for kind, value in kinds.items():
            yield Case(f"{field}/{kind}", field, kind, value, usual | {field: value})


@contextmanager
def open_clinics(parts: Parts, reference: Parts) -> Iterator[dict[str, tuple[Path, Connection[Any]]]]:
    """Give, by configuration, the folder of a clinic's records and the import's connection to its Nexus."""
    with ExitStack() as stack:
        yield {
            name: (of.clinic, stack.enter_context(open_importer(stack.enter_context(start_installation(of)))))
            for name, of in {"default": parts, "reference": reference}.items()
        }


def stage_hostile(clinic: Path, connection: Connection[Any], mappings: dict[str, EntityMapping], entity: str) -> Staged:
    """Stage a record without anything hostile and one for each case, in one COPY."""
    mapping = mappings[entity]
    types = {column.name: column.type for column in read_columns(connection, mapping.table or "")}
    kinds = {name: other.key_is for name, other in mappings.items()}
    mapper = RowMapper(mapping, read_lookups(connection, mapping.aliases), SYDNEY, types, kinds)
    usual = _find_usual(mapper, clinic)
    cases = list(cases_of(mapping, usual))
    records = [("0 usual", "0", usual), *((case.record_id, "0", case.fields) for case in cases)]
    with connection.transaction():
        lock_staging(connection, "hostile")
        create_staging_table(connection, mapping)
        count, unreadable = stage_records(connection, mapper, records)
        finish_staging_table(connection, entity)
    assert count == len(records)
    return Staged(
        mapping, usual, cases, *_read_staged(connection, mapping, unreadable, list(records)), connection, kinds
    )


def _find_usual(mapper: RowMapper, clinic: Path) -> dict[str, Any]:
    """Return the clinic's fullest record in which there is nothing to find; what it lacks comes from others."""
    content = json.loads((clinic / "filemaker" / f"{quote(mapper.mapping.layout)}.json").read_text())
    everything: list[dict[str, Any]] = [record["fieldData"] for record in content["records"]]
    names = mapper.mapping.fields()
    everything.sort(key=lambda fields: -sum(fields[name] != "" for name in names))
    for fields in everything:
        usual = dict(fields)
        for name in names:
            usual[name] = next((other[name] for other in (fields, *everything) if other[name] != ""), "")
        _, found = mapper.row("0", "0", usual)
        if not found:
            return usual
    raise AssertionError(f"every record of {mapper.mapping.layout} has something to find")


def _read_staged(
    connection: Connection[Any], mapping: EntityMapping, unreadable: list[ValueFinding], records: list[Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, list[ValueFinding]], dict[str, str]]:
    """Return rows, findings and rules by record id."""
    found: dict[str, list[ValueFinding]] = {record_id: [] for record_id, *_ in records}
    others = connection.execute(
        "SELECT record_id, filemaker_id, field, detail, check_id FROM nexus_staging.value_finding WHERE entity = %s",
        (mapping.entity,),
    )
    for finding in (*unreadable, *(ValueFinding(*row) for row in others)):
        found[finding.record_id].append(finding)
    cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("nexus_staging", mapping.entity)))
    names = [column.name for column in cursor.description or []]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
    skipped = connection.execute(
        "SELECT record_id, scope FROM nexus_staging.skipped WHERE entity = %s", (mapping.entity,)
    )
    return rows, found, dict(skipped.fetchall())
