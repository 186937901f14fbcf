"""The difference between live Nexus and the backup, written: rows removed, put back, brought back.

Rows that are as the backup has them are not touched, so a table that is mostly unchanged costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection, errors, sql

from nexus_import.errors import RestoreRefused
from nexus_import.nexus.catalog import read_foreign_keys
from nexus_import.nexus.key_order import parents_first
from nexus_import.nexus.restore.loading import POSITION, LoadedTable, checksum_of
from nexus_import.nexus.restore.references import marks_of_rule_tables
from nexus_import.nexus.shapes import SequenceUse, last_value
from nexus_import.nexus.sql import names

WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})


def write_back(connection: Connection[Any], loaded: Mapping[str, LoadedTable]) -> None:
    """Make live Nexus hold exactly the backup's rows of these tables; raise `RestoreRefused` when it then does not.

    `connection` is in a transaction with pinned formats that holds the locks. Children are removed before their
    parents and come back after them, for keys that cannot be deferred; those that can are checked at the end.
    """
    order = parents_first(read_foreign_keys(connection), loaded)
    marks = marks_of_rule_tables(connection, loaded)
    connection.execute("SET CONSTRAINTS ALL DEFERRED")
    for name in reversed(order):
        _remove(connection, loaded[name])
    for name in order:
        table = loaded[name]
        if table.shape.key:
            _change(connection, table)
        _bring_back(connection, table)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    if touched := [table for table, mark in marks_of_rule_tables(connection, loaded).items() if mark != marks[table]]:
        raise RestoreRefused(
            f"A foreign key's ON DELETE rule would change rows of {', '.join(touched)}, which are not being restored. "
            "Everything was rolled back. Restore everything instead."
        )
    for table in loaded.values():
        require_equal(connection, table)


def _remove(connection: Connection[Any], table: LoadedTable) -> None:
    if not table.shape.key:
        if not is_same_bag(connection, table):
            connection.execute(sql.SQL("DELETE FROM {}").format(table.shape.own_rows))
        return
    # an identity that is always generated cannot be changed: such a row is taken out and comes back
    unlike = [
        sql.SQL("present.{0} IS DISTINCT FROM former.{0}").format(sql.Identifier(column))
        for column in table.shape.always_identities
    ]
    connection.execute(
        sql.SQL("DELETE FROM {} AS present WHERE NOT EXISTS (SELECT FROM {} AS former WHERE {})").format(
            table.shape.own_rows,
            table.rows,
            sql.SQL(" AND ").join([table.same_key(), *(sql.SQL("NOT ({})").format(part) for part in unlike)]),
        )
    )


def _change(connection: Connection[Any], table: LoadedTable) -> None:
    columns = [column for column in table.shape.stored if column not in table.shape.always_identities]
    if not columns:
        return
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier("former", column)) for column in columns
    )
    condition = sql.SQL("{} AND {}").format(table.same_key(), table.differs())
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("UPDATE {} AS present SET {} FROM {} AS former WHERE {}").format(
                    table.shape.own_rows, assignments, table.rows, condition
                )
            )
    except (errors.UniqueViolation, errors.ExclusionViolation):
        # two rows took each other's value since: neither can be first, so both are taken out and come back
        connection.execute(
            sql.SQL("DELETE FROM {} AS present USING {} AS former WHERE {}").format(
                table.shape.own_rows, table.rows, condition
            )
        )


def _bring_back(connection: Connection[Any], table: LoadedTable) -> None:
    columns = names(table.shape.stored)
    if table.shape.key:
        missing = sql.SQL("NOT EXISTS (SELECT FROM {} AS present WHERE {})").format(
            table.shape.own_rows, table.same_key()
        )
    else:
        missing = sql.SQL("NOT EXISTS (SELECT FROM {} AS present)").format(table.shape.own_rows)
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS former WHERE {} ORDER BY {}").format(
            table.shape.identifier, columns, columns, table.rows, missing, POSITION
        )
    )


def is_same_bag(connection: Connection[Any], table: LoadedTable) -> bool:
    """Tell whether a table without a primary key holds the same rows, each as often."""
    row = connection.execute(
        sql.SQL(
            "SELECT NOT EXISTS (SELECT FROM (SELECT ({present})::text AS row, 1 AS weight FROM {live} AS present"
            " UNION ALL SELECT ({former})::text, -1 FROM {rows} AS former) AS every"
            " GROUP BY row HAVING sum(weight) <> 0)"
        ).format(
            present=table.row_of("present"),
            former=table.row_of("former"),
            live=table.shape.own_rows,
            rows=table.rows,
        )
    ).fetchone()
    return bool(row and row[0])


def require_equal(connection: Connection[Any], table: LoadedTable) -> None:
    """Export the live table in the backup's order; raise `RestoreRefused` unless it is the same to the byte."""
    saved = table.saved
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.shape.own_rows)).fetchone()
    count = int(row[0]) if row else 0
    if count == saved.row_count and checksum_of(connection, _live_in_saved_order(table)) == saved.csv_sha256:
        return
    causes = [f"trigger {name}" for name in read_triggers(connection, table)]
    causes += [f"generated column {column.name}" for column in table.shape.columns if column.is_generated]
    blame = f" What may have changed them: {', '.join(causes)}." if causes else ""
    raise RestoreRefused(
        f"Table {saved.name} would not hold what the backup has ({count:,} rows, {saved.row_count:,} in the backup; "
        f"their SHA-256 is compared).{blame} Everything was rolled back."
    )


def _live_in_saved_order(table: LoadedTable) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier("present", column) for column in table.saved_columns)
    if table.shape.key:
        return sql.SQL("SELECT {} FROM {} AS present JOIN {} AS former ON {} ORDER BY former.{}").format(
            columns, table.shape.own_rows, table.rows, table.same_key(), POSITION
        )
    numbered = sql.SQL(
        "(SELECT *, ({row})::text AS nexus_row, row_number() OVER (PARTITION BY ({row})::text) AS nexus_nth"
        " FROM {rows} AS {alias}) AS {alias}"
    )
    return sql.SQL("SELECT {} FROM {} JOIN {} USING (nexus_row, nexus_nth) ORDER BY former.{}").format(
        columns,
        numbered.format(row=table.row_of("present"), rows=table.shape.own_rows, alias=sql.Identifier("present")),
        numbered.format(row=table.row_of("former"), rows=table.rows, alias=sql.Identifier("former")),
        POSITION,
    )


def read_triggers(connection: Connection[Any], table: LoadedTable) -> list[str]:
    """Return the table's own triggers that fire when rows are written; those of foreign keys are not among them."""
    rows = connection.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
        " ORDER BY tgname",
        (table.shape.identifier.as_string(connection),),
    )
    return [name for (name,) in rows]


def advance_sequences(connection: Connection[Any], table: LoadedTable) -> int:
    """Set every sequence of the table past its rows and past what it had given when the backup was taken.

    None is ever set back: a value that was given once, to a row that is gone, is not given again. Returns how many
    were set. Sequences are not part of a transaction; one that was advanced stays so after a rollback, to no harm.
    """
    set_count = 0
    types = {column.name: column.type for column in table.shape.columns}
    for sequence in table.shape.sequences:
        given = last_value(connection, sequence)
        known = [given, table.saved.sequences.get(sequence.name)]
        if types[sequence.column] in WHOLE_NUMBERS:
            known.append(_outermost(connection, table, sequence))
        values = [value for value in known if value is not None]
        wanted = (max if sequence.increment > 0 else min)(values, default=None)
        if wanted != given:
            place = sequence.identifier.as_string(connection)
            connection.execute("SELECT setval(%s::regclass, %s)", (place, wanted))
            set_count += 1
    return set_count


def _outermost(connection: Connection[Any], table: LoadedTable, sequence: SequenceUse) -> int | None:
    query = "SELECT max({}) FROM {}" if sequence.increment > 0 else "SELECT min({}) FROM {}"
    row = connection.execute(sql.SQL(query).format(sql.Identifier(sequence.column), table.shape.own_rows)).fetchone()
    return row[0] if row else None
