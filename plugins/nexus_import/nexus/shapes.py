"""The shape of a table as a backup needs it: columns with their types, the primary key, and its sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

_COLUMNS = (
    "SELECT attname, format_type(atttypid, atttypmod), attgenerated <> '', attidentity = 'a'"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_KEY = (
    "SELECT attname FROM pg_index"
    " JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " CROSS JOIN LATERAL unnest(indkey::smallint[]) WITH ORDINALITY AS part (number, place)"
    " JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number"
    " WHERE nspname = %s AND relname = %s AND indisprimary ORDER BY part.place"
)
# Owned by a column (serial, identity), or drawn on by a column's default.
_SEQUENCES = (
    "SELECT DISTINCT attname, sequence_space.nspname, sequence.relname, seqincrement"
    " FROM pg_class AS sequence"
    " JOIN pg_namespace AS sequence_space ON sequence_space.oid = sequence.relnamespace"
    " JOIN pg_sequence ON seqrelid = sequence.oid"
    " JOIN ("
    "  SELECT objid AS sequence_id, refobjid AS table_id, refobjsubid AS number FROM pg_depend"
    "   WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')"
    "  UNION SELECT refobjid, adrelid, adnum FROM pg_depend JOIN pg_attrdef ON pg_attrdef.oid = objid"
    "   WHERE classid = 'pg_attrdef'::regclass AND refclassid = 'pg_class'::regclass"
    " ) AS use ON use.sequence_id = sequence.oid"
    " JOIN pg_class AS owner ON owner.oid = use.table_id JOIN pg_namespace AS space ON space.oid = owner.relnamespace"
    " JOIN pg_attribute ON attrelid = owner.oid AND attnum = use.number"
    " WHERE sequence.relkind = 'S' AND space.nspname = %s AND owner.relname = %s ORDER BY 1, 2, 3"
)


@dataclass(frozen=True)
class ShapeColumn:
    """One column; `type` as PostgreSQL writes it. A generated one, and an always-identity, cannot be assigned."""

    name: str
    type: str
    is_generated: bool
    is_always_identity: bool


@dataclass(frozen=True)
class SequenceUse:
    """A sequence that gives a column its values; `increment` may be negative."""

    column: str
    schema: str
    name: str
    increment: int

    @property
    def identifier(self) -> sql.Identifier:
        """The sequence as SQL names it."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Shape:
    """One table as it is now; `key` is empty when it has no primary key."""

    schema: str
    table: str
    columns: tuple[ShapeColumn, ...]
    key: tuple[str, ...]
    sequences: tuple[SequenceUse, ...]
    is_partitioned: bool = False

    @property
    def own_rows(self) -> sql.Composed:
        """The table's own rows as FROM names them: without those of tables that inherit from it, with its partitions'.

        An INSERT takes `identifier`.
        """
        return sql.SQL("{}" if self.is_partitioned else "ONLY {}").format(self.identifier)

    @property
    def identifier(self) -> sql.Identifier:
        """The table as SQL names it."""
        return sql.Identifier(self.schema, self.table)

    @property
    def column_names(self) -> list[str]:
        """All columns in their order."""
        return [column.name for column in self.columns]

    @property
    def stored(self) -> list[str]:
        """The columns that an INSERT may give values to."""
        return [column.name for column in self.columns if not column.is_generated]

    @property
    def always_identities(self) -> list[str]:
        """The columns that an INSERT may override, and an UPDATE may not set."""
        return [column.name for column in self.columns if column.is_always_identity]


def read_shape(connection: Connection[Any], table: str, schema: str = "public") -> Shape | None:
    """Return the table's shape, None when there is no such table."""
    named = (schema, table)
    columns = tuple(ShapeColumn(*row) for row in connection.execute(_COLUMNS, named))
    if not columns:
        return None
    key = tuple(name for (name,) in connection.execute(_KEY, named))
    sequences = tuple(SequenceUse(*row) for row in connection.execute(_SEQUENCES, named))
    return Shape(schema, table, columns, key, sequences, _is_partitioned(connection, schema, table))


def _is_partitioned(connection: Connection[Any], schema: str, table: str) -> bool:
    row = connection.execute(
        "SELECT relkind = 'p' FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = %s AND relname = %s",
        (schema, table),
    ).fetchone()
    return bool(row and row[0])


def last_value(connection: Connection[Any], sequence: SequenceUse) -> int | None:
    """Return the last value that the sequence gave, None when it gave none yet."""
    row = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sequence.identifier)).fetchone()
    return int(row[0]) if row and row[1] else None
