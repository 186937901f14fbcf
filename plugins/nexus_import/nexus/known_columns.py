"""The columns that this project knows: `include/schema.yaml`, one line a column, for the tables the phases work on.

A column is written as `type`, `type, not null` or `type, computed`; `optional` after it says that not every Nexus has
it. The file is written by `python -m nexus_import.schema --write`, after somebody looked at what a migration changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from psycopg import Connection

from nexus_import.core.data_policy import MAPPABLE_TABLES, MAPPED_TABLES
from nexus_import.core.include import include_folder
from nexus_import.core.nearest import nearest
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.catalog import Column, read_all_columns

FILE = "schema.yaml"
KNOWN_TABLES = (*MAPPED_TABLES, *MAPPABLE_TABLES)
"""The tables of the file: those that an import works on, always or where the clinic maps them."""
OPTIONAL = ", optional"
Known = dict[str, dict[str, str]]
"""Table -> column -> how it is written."""
HEADER = """\
# The columns of Nexus that this project knows, for the tables it works on: type, not null, computed. A run stops when
# Nexus has others. After a migration: look at what changed, correct include/mapping if need be, then write this file
# again with `python -m nexus_import.schema --write`. `optional` is written by hand: not every Nexus has the column.
"""


@dataclass(frozen=True)
class Difference:
    """One column that Nexus has otherwise than the file says; None where there is none."""

    table: str
    column: str
    known: str | None
    present: str | None


def known_file() -> Path:
    """Return the file of this installation."""
    return include_folder() / FILE


def read_known() -> Known:
    """Read the file; raise `ConfigurationError` that names the first mistake."""
    path = known_file()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path.name} names no tables. Write it with python -m nexus_import.schema --write.")
    for table, columns in content.items():
        if table not in KNOWN_TABLES:
            raise ConfigurationError(
                f"{path.name}: {table}: the import does not work on this table{nearest(str(table), KNOWN_TABLES)}"
            )
        for column, text in columns.items() if isinstance(columns, dict) else [("columns", None)]:
            if not isinstance(text, str):
                raise ConfigurationError(f"{path.name}: {table}.{column}: say its type, as in 'text, not null'")
    return content


def write_known(connection: Connection[Any]) -> list[Difference]:
    """Write the file from what Nexus has now; return what changed. Optional columns stay optional."""
    former = read_known() if known_file().exists() else {}
    changes = list(differences(connection, former, KNOWN_TABLES))
    known: Known = {}
    for table in KNOWN_TABLES:
        present = {column.name: describe(column) for column in read_all_columns(connection, table)}
        optional = {name: text for name, text in former.get(table, {}).items() if text.endswith(OPTIONAL)}
        known[table] = {name: f"{text}{OPTIONAL}" if name in optional else text for name, text in present.items()} | {
            name: text for name, text in optional.items() if name not in present
        }
    text = yaml.safe_dump(known, sort_keys=False, width=120)
    known_file().write_text(f"{HEADER}\n{text}", encoding="utf-8")
    return changes


def describe(column: Column) -> str:
    """Return how the file writes a column."""
    if column.is_computed:
        return f"{column.type}, computed"
    return column.type if column.is_nullable else f"{column.type}, not null"


def differences(
    connection: Connection[Any], known: Known, tables: Iterable[str] = KNOWN_TABLES
) -> Iterator[Difference]:
    """Yield the columns in which Nexus and the file differ, table by table."""
    for table in tables:
        present = {column.name: describe(column) for column in read_all_columns(connection, table)}
        yield from _compare(table, known.get(table, {}), present)


def _compare(table: str, known: dict[str, str], present: dict[str, str]) -> Iterator[Difference]:
    for name in _both(known, present):
        expected, found = known.get(name), present.get(name)
        is_optional = expected is not None and expected.endswith(OPTIONAL)
        if found != (expected or "").removesuffix(OPTIONAL) and not (found is None and is_optional):
            yield Difference(table, name, expected, found)


def _both(known: Iterable[str], present: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*present, *known]))
