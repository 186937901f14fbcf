"""SQL files: found by path, composed with identifiers, run statement by statement.

A file under `include/sql` starts with a header of `-- key: text` lines. Identifiers that vary stand in braces
and are composed with `psycopg.sql`, never formatted; literal braces are doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.include import include_folder
from nexus_import.core.source_names import SourceNames

WORK_SCHEMA = "nexus_work"
LIVE_SCHEMA = "public"
_OWN_NAME = re.compile(r"(\{(?:entity|staging|work|nexus)\})")
_HEADER_LINE = re.compile(r"^--\s*([a-z_]+):\s*(.*)$")
Row = tuple[Any, ...]


@cache
def read_sql(path: str) -> str:
    """Return the text of one SQL file under `include/sql`."""
    return (include_folder() / "sql" / path).read_text(encoding="utf-8")


def read_header(text: str) -> dict[str, str]:
    """Return the `-- key: value` lines at the top of a SQL file; continued lines are joined."""
    header: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if match := _HEADER_LINE.match(line):
            last = match[1]
            header[last] = match[2].strip()
        elif last:
            header[last] = f"{header[last]} {line.lstrip('- ').strip()}".strip()
    return header


def compose(path: str, **parts: sql.Composable) -> sql.Composed:
    """Return the file's SQL with its `{names}` filled by composed identifiers, lists or expressions."""
    return sql.SQL(read_sql(path)).format(**parts)


def fill_names(text: str, source: SourceNames, entity: str = "", schema: str = WORK_SCHEMA) -> sql.Composed:
    """Return a query in which FileMaker's layouts and fields stand as the literals that the mapping gives them.

    `{entity}`, `{staging}` and `{work}` are the entity that the check is about, its staged records and its table in
    the working copy. `{nexus}` is the `schema` whose patients, appointments and files are asked: the working copy, or
    live Nexus. Nothing else in the text is looked at: its other braces stay as they are.
    """
    own = {
        "{entity}": sql.Literal(entity),
        "{staging}": sql.Identifier("nexus_staging", entity),
        "{work}": sql.Identifier(WORK_SCHEMA, source.table(entity) or entity),
        "{nexus}": sql.Identifier(schema),
    }
    pieces: list[sql.Composable] = []
    for part, is_name in source.parts(text):
        if is_name:
            pieces.append(sql.Literal(part))
        else:
            pieces += [own.get(piece) or sql.SQL(piece) for piece in _OWN_NAME.split(part)]
    return sql.Composed(pieces)


def run_file(connection: Connection[Any], path: str, **parts: sql.Composable) -> int:
    """Run one SQL file without parameters and return the rows that its last statement touched.

    The file may hold several statements; they belong to the caller's transaction.
    """
    cursor = connection.execute(compose(path, **parts))
    while cursor.nextset():
        pass
    return max(cursor.rowcount, 0)


def run_file_with(connection: Connection[Any], path: str, values: dict[str, Any], **parts: sql.Composable) -> int:
    """Run one single-statement SQL file with `%(name)s` parameters and return the rows it touched."""
    return max(connection.execute(compose(path, **parts), values).rowcount, 0)


def run_folder(connection: Connection[Any], folder: str, **parts: sql.Composable) -> Iterator[tuple[str, int]]:
    """Run the folder's files in the order of their numbers; yield each file's name and rows touched."""
    for path in sorted((include_folder() / "sql" / folder).glob("*.sql")):
        yield path.stem, run_file(connection, f"{folder}/{path.name}", **parts)


def names(columns: Iterable[str]) -> sql.Composed:
    """Return a comma-separated list of quoted identifiers."""
    return sql.SQL(", ").join(sql.Identifier(column) for column in columns)
