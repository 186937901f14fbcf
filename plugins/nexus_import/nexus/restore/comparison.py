"""What a restore would undo: every row that live Nexus has otherwise than the backup.

`added`: added since the backup, would go. `changed`: changed since, would be put back. `removed`: removed since, would
come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.backup import CopyReader
from nexus_import.nexus.restore.loading import POSITION, LoadedTable
from nexus_import.storage import ObjectStore, StoredObject

ACTIONS = ("added", "changed", "removed")
Counts = dict[str, dict[str, int]]
PLAIN_KEYS = frozenset({"uuid", "smallint", "integer", "bigint"})
"""Types of keys that are shown as they are; of any other only a digest is: it may say something of a person."""


@dataclass(frozen=True)
class Comparison:
    """Rows per table that differ, and the digest of which these are and what live Nexus holds in them."""

    counts: Counts
    digest: str

    @property
    def change_count(self) -> int:
        """Rows that a restore would remove, change or add."""
        return sum(count for actions in self.counts.values() for count in actions.values())

    def totals(self) -> dict[str, int]:
        """Return the rows of all tables by action."""
        return {action: sum(actions[action] for actions in self.counts.values()) for action in ACTIONS}


def compare(connection: Connection[Any], loaded: Mapping[str, LoadedTable], checksum: str) -> Comparison:
    """Compare live Nexus with the loaded tables of the backup whose manifest has this checksum.

    Two comparisons have one digest only when the same rows differ and live Nexus holds the same in them: an approval
    of one is none of the other. `connection` is in a transaction with pinned formats.
    """
    counts: Counts = {}
    marks = {}
    for name, table in loaded.items():
        counts[name] = dict.fromkeys(ACTIONS, 0)
        rows = connection.execute(
            sql.SQL(
                "SELECT action, sum(row_count)::bigint,"
                " sum(hashtextextended(concat_ws('|', key, present_digest, row_count), 0)::numeric)::text"
                " FROM ({}) AS differing GROUP BY action ORDER BY action"
            ).format(differing_rows(table))
        ).fetchall()
        for action, count, mark in rows:
            counts[name][action] = count
            marks[f"{name}:{action}"] = mark
    content = json.dumps([checksum, counts, marks], sort_keys=True)
    return Comparison(counts, hashlib.sha256(content.encode()).hexdigest())


def differing_rows(table: LoadedTable) -> sql.Composed:
    """Return the query of the rows that differ: action, key, shown_key, present_digest, row_count.

    A table without a primary key is compared as a bag of rows: a row that changed is one added and one removed.
    """
    if not table.shape.key:
        return _differing_bag(table)
    types = {column.name: column.type for column in table.shape.columns}
    is_plain = all(types[column] in PLAIN_KEYS for column in table.shape.key)
    key = sql.SQL("concat_ws(' ', {})").format(
        sql.SQL(", ").join(
            sql.SQL("COALESCE({}::text, {}::text)").format(
                sql.Identifier("present", column), sql.Identifier("former", column)
            )
            for column in table.shape.key
        )
    )
    return sql.SQL(
        "SELECT CASE WHEN former.{position} IS NULL THEN 'added' WHEN present.tableoid IS NULL THEN 'removed'"
        "  ELSE 'changed' END AS action,"
        " {key} AS key, {shown} AS shown_key,"
        " CASE WHEN present.tableoid IS NOT NULL THEN md5(({row})::text) END AS present_digest, 1 AS row_count"
        " FROM {live} AS present FULL JOIN {rows} AS former ON {same_key}"
        " WHERE former.{position} IS NULL OR present.tableoid IS NULL OR {differs}"
    ).format(
        position=POSITION,
        key=key,
        shown=key if is_plain else sql.SQL("md5({})").format(key),
        row=table.row_of("present"),
        live=table.shape.own_rows,
        rows=table.rows,
        same_key=table.same_key(),
        differs=table.differs(),
    )


def _differing_bag(table: LoadedTable) -> sql.Composed:
    return sql.SQL(
        "SELECT CASE WHEN surplus > 0 THEN 'added' ELSE 'removed' END AS action, digest AS key, digest AS shown_key,"
        " NULL::text AS present_digest, abs(surplus) AS row_count"
        " FROM (SELECT digest, sum(weight) AS surplus FROM ("
        "  SELECT md5(({present})::text) AS digest, 1 AS weight FROM {live} AS present"
        "  UNION ALL SELECT md5(({former})::text), -1 FROM {rows} AS former) AS every GROUP BY digest) AS bag"
        " WHERE surplus <> 0"
    ).format(
        present=table.row_of("present"),
        former=table.row_of("former"),
        live=table.shape.own_rows,
        rows=table.rows,
    )


def write_differences(
    connection: Connection[Any], store: ObjectStore, key: str, loaded: Mapping[str, LoadedTable]
) -> StoredObject:
    """Write every differing row's table, action and key to one CSV object; no other value of a row is in it."""

    def lines() -> Iterator[bytes | bytearray | memoryview]:
        yield b"table,since_the_backup,key,rows\n"
        for name, table in loaded.items():
            query = sql.SQL(
                "COPY (SELECT {}, action, shown_key, row_count FROM ({}) AS differing ORDER BY action, shown_key)"
                " TO STDOUT (FORMAT csv)"
            ).format(sql.Literal(name), differing_rows(table))
            with connection.cursor().copy(query) as copy:
                yield from copy

    return store.put_stream(key, CopyReader(lines()), "text/csv; charset=utf-8")
