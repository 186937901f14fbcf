"""What PostgreSQL's catalog knows about the Nexus tables: columns, unique columns and foreign keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection


@dataclass(frozen=True)
class Column:
    """One column; `type` as PostgreSQL writes it, `max_length` in characters for varchar."""

    name: str
    type: str
    is_nullable: bool
    max_length: int | None


@dataclass(frozen=True)
class ForeignKey:
    """One single-column foreign key."""

    table: str
    column: str
    parent_table: str
    parent_column: str


def read_columns(connection: Connection[Any], table: str, schema: str = "public") -> list[Column]:
    """Return the columns of a table in their order; empty when there is no such table."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull,"
        " CASE WHEN atttypid = 'varchar'::regtype AND atttypmod > 0 THEN atttypmod - 4 END"
        " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (schema, table),
    )
    return [Column(*row) for row in rows]


def read_tables(connection: Connection[Any]) -> list[str]:
    """Return every table of the Nexus schema, by name."""
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
    )
    return [name for (name,) in rows]


def read_foreign_keys(connection: Connection[Any]) -> list[ForeignKey]:
    """Return every single-column foreign key of the Nexus schema."""
    rows = connection.execute(
        "SELECT child.relname, child_column.attname, parent.relname, parent_column.attname"
        " FROM pg_constraint AS fk"
        " JOIN pg_class AS child ON child.oid = fk.conrelid"
        " JOIN pg_namespace ON pg_namespace.oid = child.relnamespace"
        " JOIN pg_class AS parent ON parent.oid = fk.confrelid"
        " JOIN pg_attribute AS child_column"
        "   ON child_column.attrelid = child.oid AND child_column.attnum = fk.conkey[1]"
        " JOIN pg_attribute AS parent_column"
        "   ON parent_column.attrelid = parent.oid AND parent_column.attnum = fk.confkey[1]"
        " WHERE fk.contype = 'f' AND nspname = 'public' AND cardinality(fk.conkey) = 1"
        " ORDER BY 1, 2"
    )
    return [ForeignKey(*row) for row in rows]


def read_unique_columns(connection: Connection[Any], table: str) -> list[str]:
    """Return the nullable columns of `table` that a unique index covers alone."""
    rows = connection.execute(
        "SELECT DISTINCT attname FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE nspname = 'public' AND relname = %s AND indisunique AND indnkeyatts = 1 AND NOT attnotnull"
        " ORDER BY attname",
        (table,),
    )
    return [name for (name,) in rows]


def tables_reaching(foreign_keys: list[ForeignKey], roots: set[str]) -> dict[str, ForeignKey]:
    """Return every table that refers to a root directly or through others, with the key by which it does."""
    reaching: dict[str, ForeignKey] = {}
    known = set(roots)
    grown = True
    while grown:
        grown = False
        for key in foreign_keys:
            if key.parent_table in known and key.table not in known:
                known.add(key.table)
                reaching[key.table] = key
                grown = True
    return reaching
