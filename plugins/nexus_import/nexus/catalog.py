"""What PostgreSQL's catalog knows about the Nexus tables: columns, unique columns and foreign keys.

A table is named as the policy names it: by its name alone in schema `public`, as `schema.table` elsewhere. The
import's own schemas are no part of Nexus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

# The query for oid and name of the tables of Nexus, a partitioned one once, under its root's name.
TABLES = sql.SQL(
    "SELECT pg_class.oid, CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END AS name"
    " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname !~ '^pg_'"
    " AND nspname NOT IN ('information_schema', 'nexus_import', 'nexus_staging', 'nexus_work')"
)
# What each type is made of in the end: domains and arrays resolved, also domains over arrays of domains.
_KINDS = sql.SQL(
    "part (type_id, base_id, is_array) AS (SELECT oid, oid, false FROM pg_type"
    "  UNION ALL SELECT type_id, CASE typtype WHEN 'd' THEN typbasetype ELSE typelem END, is_array OR typtype <> 'd'"
    "  FROM part JOIN pg_type ON oid = base_id WHERE typtype = 'd' OR (typcategory = 'A' AND typelem <> 0)),"
    " kind AS (SELECT type_id, base_id, is_array, typcategory, typtype FROM part JOIN pg_type ON oid = base_id"
    "  WHERE typtype <> 'd' AND NOT (typcategory = 'A' AND typelem <> 0))"
)


@dataclass(frozen=True)
class Column:
    """One column; `type` as PostgreSQL writes it, `max_length` in characters for varchar.

    `default` is the database's own default as an expression, of an identity what draws the next number. It is constant
    when every row gets the same value from it, at any time. A computed column (generated, or an identity that is always
    generated) gets its value from the database and takes no other.
    """

    name: str
    type: str
    is_nullable: bool
    max_length: int | None
    default: str | None = None
    is_default_constant: bool = True
    is_computed: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key; `is_nullable` when one of its columns may be NULL, so that it need not point at anything."""

    table: str
    columns: tuple[str, ...]
    parent_table: str
    parent_columns: tuple[str, ...]
    is_nullable: bool

    def __str__(self) -> str:
        """Say which columns point where."""
        return f"{self.table}.{', '.join(self.columns)} -> {self.parent_table}"


@dataclass(frozen=True)
class IdColumn:
    """A column that could hold the id of a row, as a uuid or as text, or an array of such.

    A domain counts as what it is made of.
    """

    is_text: bool
    is_nullable: bool
    is_array: bool = False


def split_name(table: str) -> tuple[str, str]:
    """Return schema and name of a table."""
    schema, _, name = table.rpartition(".")
    return schema or "public", name


def read_columns(connection: Connection[Any], table: str, schema: str = "public") -> list[Column]:
    """Return the columns of a table that take values, in their order; empty when there is no such table."""
    return [column for column in read_all_columns(connection, table, schema) if not column.is_computed]


def read_all_columns(connection: Connection[Any], table: str, schema: str = "public") -> list[Column]:
    """Return the columns of a table, computed ones too, in their order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull,"
        " CASE WHEN atttypid = 'varchar'::regtype AND atttypmod > 0 THEN atttypmod - 4 END,"
        " CASE WHEN attidentity = 'd' THEN format('nextval(%%L::regclass)',"
        "   pg_get_serial_sequence(format('%%I.%%I', nspname, relname), attname))"
        "  WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END,"
        # an expression tree names the functions it calls by their number; those of the SQL standard (CURRENT_DATE) not
        " attidentity = '' AND COALESCE(adbin::text, '') !~ 'SQLVALUEFUNCTION|NEXTVALUEEXPR' AND NOT EXISTS ("
        "   SELECT FROM regexp_matches(adbin::text, ':(?:op)?funcid (\\d+)', 'g') AS called (numbers)"
        "   JOIN pg_proc ON pg_proc.oid = numbers[1]::oid WHERE provolatile <> 'i'),"
        " attgenerated <> '' OR attidentity = 'a'"
        " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        split_name(table) if "." in table else (schema, table),
    )
    return [Column(*row) for row in rows]


def read_all_tables(connection: Connection[Any]) -> list[str]:
    """Return every table of Nexus, also of other schemas than `public`, by name."""
    return [name for _, name in connection.execute(TABLES + sql.SQL(" ORDER BY name"))]


def read_id_columns(connection: Connection[Any]) -> dict[tuple[str, str], IdColumn]:
    """Return every column that could hold the id of a row, by table and column."""
    rows = connection.execute(
        sql.SQL(
            "WITH RECURSIVE {} SELECT known.name, attname, base_id <> 'uuid'::regtype, NOT attnotnull, is_array"
            " FROM ({}) AS known JOIN pg_attribute ON attrelid = known.oid AND attnum > 0 AND NOT attisdropped"
            " JOIN kind ON type_id = atttypid WHERE base_id = 'uuid'::regtype OR typcategory = 'S' ORDER BY 1, attnum"
        ).format(_KINDS, TABLES)
    )
    return {(table, column): IdColumn(*rest) for table, column, *rest in rows}


def read_integer_columns(connection: Connection[Any]) -> list[tuple[str, str]]:
    """Return (table, column) of every column of whole numbers: one can hold the id of a content type."""
    rows = connection.execute(
        sql.SQL(
            "WITH RECURSIVE {} SELECT known.name, attname FROM ({}) AS known"
            " JOIN pg_attribute ON attrelid = known.oid AND attnum > 0 AND NOT attisdropped"
            " JOIN kind ON type_id = atttypid AND NOT is_array"
            " WHERE base_id = ANY ('{{int2,int4,int8}}'::regtype[]) ORDER BY 1, attnum"
        ).format(_KINDS, TABLES)
    )
    return rows.fetchall()


def read_incomparable_columns(connection: Connection[Any], table: str) -> set[str]:
    """Return the columns of `table` whose type PostgreSQL cannot compare by value: json, xml, point and the like."""
    rows = connection.execute(
        sql.SQL(
            "WITH RECURSIVE {} SELECT attname FROM ({}) AS known"
            " JOIN pg_attribute ON attrelid = known.oid AND attnum > 0 AND NOT attisdropped"
            " JOIN kind ON type_id = atttypid"
            " WHERE known.name = %s AND typtype NOT IN ('e', 'r', 'm') AND typcategory <> 'S' AND NOT EXISTS ("
            "  SELECT FROM pg_opclass JOIN pg_am ON pg_am.oid = opcmethod"
            "  WHERE amname = 'btree' AND opcdefault AND opcintype = base_id)"
        ).format(_KINDS, TABLES),
        (table,),
    )
    return {name for (name,) in rows}


def read_foreign_keys(connection: Connection[Any]) -> list[ForeignKey]:
    """Return every foreign key of Nexus, also composite ones and those of other schemas than `public`.

    A key of a partition alone counts as one of the table that it is part of.
    """
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({})"
            " SELECT DISTINCT child.name, ARRAY("
            "  SELECT attname::text FROM unnest(fk.conkey) WITH ORDINALITY AS part (number, place)"
            "  JOIN pg_attribute ON attrelid = fk.conrelid AND attnum = part.number ORDER BY part.place),"
            " parent.name, ARRAY("
            "  SELECT attname::text FROM unnest(fk.confkey) WITH ORDINALITY AS part (number, place)"
            "  JOIN pg_attribute ON attrelid = fk.confrelid AND attnum = part.number ORDER BY part.place),"
            " EXISTS (SELECT FROM pg_attribute"
            "  WHERE attrelid = fk.conrelid AND attnum = ANY (fk.conkey) AND NOT attnotnull)"
            " FROM pg_constraint AS fk"
            " JOIN known AS child ON child.oid = COALESCE(pg_partition_root(fk.conrelid), fk.conrelid)"
            " JOIN known AS parent ON parent.oid = COALESCE(pg_partition_root(fk.confrelid), fk.confrelid)"
            " WHERE fk.contype = 'f' AND fk.conparentid = 0 ORDER BY 1, 2, 3, 4"
        ).format(TABLES)
    )
    return [ForeignKey(table, tuple(own), parent, tuple(other), free) for table, own, parent, other, free in rows]


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


def read_unique_keys(connection: Connection[Any], table: str) -> list[tuple[str, ...]]:
    """Return the columns of each unique index of `table` beside its primary key, but for partial and computed ones."""
    rows = connection.execute(
        "SELECT DISTINCT ARRAY(SELECT attname::text FROM unnest(indkey[0:indnkeyatts - 1]) AS part (number)"
        "  JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number ORDER BY attname) AS columns"
        " FROM pg_index JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = 'public' AND relname = %s AND indisunique AND NOT indisprimary"
        " AND indpred IS NULL AND indexprs IS NULL ORDER BY columns",
        (table,),
    )
    return [tuple(columns) for (columns,) in rows]


def read_side_effects(connection: Connection[Any]) -> list[tuple[str, str, str]]:
    """Return (table, kind, name) of every trigger and rule that fires, and of row-level security."""
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({}),"
            " part AS (SELECT pg_class.oid, known.name FROM pg_class"
            "  JOIN known ON known.oid = COALESCE(pg_partition_root(pg_class.oid), pg_class.oid))"
            " SELECT name, 'trigger', tgname FROM part JOIN pg_trigger ON tgrelid = part.oid"
            "  WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
            " UNION SELECT name, 'rule', rulename FROM part JOIN pg_rewrite ON ev_class = part.oid"
            "  WHERE ev_enabled IN ('O', 'A')"
            " UNION SELECT name, 'row-level security', 'row_security' FROM part"
            "  JOIN pg_class ON pg_class.oid = part.oid WHERE relrowsecurity"
            " ORDER BY 1, 2, 3"
        ).format(TABLES)
    )
    return rows.fetchall()


def read_missing_rights(connection: Connection[Any], tables: list[str]) -> list[str]:
    """Return those of the tables that the connection's role may not insert into, update and delete from."""
    rows = connection.execute(
        sql.SQL(
            "SELECT name FROM ({}) AS known WHERE name = ANY(%s) AND NOT (has_table_privilege(oid, 'INSERT')"
            " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) ORDER BY name"
        ).format(TABLES),
        (tables,),
    )
    return [name for (name,) in rows]


def read_missing_indexes(connection: Connection[Any]) -> list[tuple[str, str, str]]:
    """Return (table, columns, statement) of every foreign key that no index helps, with what creates one."""
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({}), bare AS (SELECT known.name, fk.oid, fk.conrelid, fk.conkey FROM pg_constraint AS fk"
            "  JOIN known ON known.oid = fk.conrelid WHERE fk.contype = 'f' AND fk.conparentid = 0"
            "  AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = fk.conrelid AND indisvalid AND indpred IS NULL"
            "   AND indkey[0] = ANY (fk.conkey)))"
            " SELECT name, string_agg(attname, ', ' ORDER BY place), format('CREATE INDEX ON %%s (%%s)',"
            "  conrelid::regclass, string_agg(quote_ident(attname), ', ' ORDER BY place))"
            " FROM bare CROSS JOIN LATERAL unnest(conkey) WITH ORDINALITY AS part (number, place)"
            " JOIN pg_attribute ON attrelid = conrelid AND attnum = part.number GROUP BY name, bare.oid, conrelid"
            " ORDER BY 1, 2"
        ).format(TABLES),
        (),
    )
    return rows.fetchall()
