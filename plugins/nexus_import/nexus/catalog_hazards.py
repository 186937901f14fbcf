"""What PostgreSQL's catalog knows of tables that do more, or are more, than their rows say.

Keys that change rows by themselves, tables that share rows, views that keep rows of their own, unique values that two
rows cannot swap, sequences that a role may not draw from, and roles that may do too much.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import TABLES


def read_key_actions(connection: Connection[Any]) -> list[tuple[str, str, str, str]]:
    """Return (table, key, parent table, rule) of every foreign key by which the database itself changes rows.

    A rule is "ON DELETE CASCADE" or the like, of a key that belongs to `table` and refers to the parent table.
    """
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({}), rule (code, words) AS"
            "  (VALUES ('c', 'CASCADE'), ('n', 'SET NULL'), ('d', 'SET DEFAULT'))"
            " SELECT DISTINCT child.name, conname, parent.name, concat_ws(', ',"
            "  'ON DELETE ' || (SELECT words FROM rule WHERE code = confdeltype::text),"
            "  'ON UPDATE ' || (SELECT words FROM rule WHERE code = confupdtype::text))"
            " FROM pg_constraint AS fk"
            " JOIN known AS child ON child.oid = COALESCE(pg_partition_root(conrelid), conrelid)"
            " JOIN known AS parent ON parent.oid = COALESCE(pg_partition_root(confrelid), confrelid)"
            " WHERE contype = 'f' AND conparentid = 0 AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN"
            " ('c', 'n', 'd')) ORDER BY 1, 2, 3"
        ).format(TABLES)
    )
    return rows.fetchall()


def read_heirs(connection: Connection[Any]) -> list[tuple[str, str]]:
    """Return (table, parent) of the tables that inherit from another; partitions are not among them."""
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({}) SELECT child.name, parent.name FROM pg_inherits"
            " JOIN known AS child ON child.oid = inhrelid JOIN known AS parent ON parent.oid = inhparent ORDER BY 1, 2"
        ).format(TABLES)
    )
    return rows.fetchall()


def read_materialized_views(connection: Connection[Any], tables: Iterable[str]) -> list[tuple[str, str]]:
    """Return (view, statement that refreshes it) of each materialized view that shows rows of these tables.

    Also of those that read them through other views, in the order in which they are to be refreshed.
    """
    rows = connection.execute(
        sql.SQL(
            "WITH RECURSIVE known AS ({}), reads (view_id, source_id) AS ("
            "  SELECT DISTINCT ev_class, refobjid FROM pg_rewrite JOIN pg_depend ON objid = pg_rewrite.oid"
            "  WHERE classid = 'pg_rewrite'::regclass AND refclassid = 'pg_class'::regclass AND refobjid <> ev_class),"
            " reaches AS (SELECT view_id, source_id FROM reads"
            "  UNION SELECT reaches.view_id, reads.source_id FROM reaches"
            "   JOIN reads ON reads.view_id = reaches.source_id)"
            " SELECT view.oid::regclass::text, format('REFRESH MATERIALIZED VIEW %%s', view.oid::regclass)"
            " FROM pg_class AS view WHERE view.relkind = 'm' AND EXISTS (SELECT FROM reaches"
            "  JOIN known ON known.oid = COALESCE(pg_partition_root(source_id), source_id)"
            "  WHERE view_id = view.oid AND known.name = ANY(%s))"
            " ORDER BY (SELECT count(*) FROM reaches JOIN pg_class AS source ON source.oid = source_id"
            "  AND source.relkind = 'm' WHERE view_id = view.oid), 1"
        ).format(TABLES),
        (list(tables),),
    )
    return rows.fetchall()


def read_unsaved_tables(connection: Connection[Any]) -> dict[str, str]:
    """Return the tables that a backup leaves out, with the reason.

    Rows of an extension are the extension's, those of a foreign table are in another database, and of schemas beside
    `public` the role may not be let in.
    """
    rows = connection.execute(
        sql.SQL(
            "WITH known AS ({})"
            " SELECT known.name, 'it belongs to the extension ' || extname FROM known"
            "  JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = known.oid AND deptype = 'e'"
            "  JOIN pg_extension ON pg_extension.oid = refobjid"
            " UNION SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,"
            "  'its rows are in another database' FROM pg_class"
            "  JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relkind = 'f'"
            " UNION SELECT known.name, format('%s may not read it', current_user) FROM known"
            "  JOIN pg_class ON pg_class.oid = known.oid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            "  WHERE nspname <> 'public' AND NOT (has_schema_privilege(nspname, 'USAGE')"
            "   AND has_table_privilege(known.oid, 'SELECT')) ORDER BY 1"
        ).format(TABLES)
    )
    return dict(rows.fetchall())


def read_unswappable_keys(connection: Connection[Any], tables: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return (table, index, definition) of the unique indexes in which two rows cannot take each other's values.

    A single column that may be NULL is freed first by the publish, a deferrable constraint looks at the end of the
    statement, and a key that holds the row's own id never meets another's.
    """
    rows = connection.execute(
        sql.SQL(
            "SELECT known.name, index.relname, pg_get_indexdef(indexrelid) FROM ({}) AS known"
            " JOIN pg_index ON indrelid = known.oid JOIN pg_class AS index ON index.oid = indexrelid"
            " WHERE known.name = ANY(%s) AND (indisunique OR indisexclusion) AND NOT indisprimary AND indimmediate"
            " AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)"
            "  AND (attname = 'id' OR (indnkeyatts = 1 AND attnum = indkey[0] AND NOT attnotnull)))"
            " ORDER BY 1, 2"
        ).format(TABLES),
        (list(tables),),
    )
    return rows.fetchall()


def read_missing_sequence_rights(connection: Connection[Any], table: str, columns: Iterable[str]) -> list[str]:
    """Return the sequences that give these columns their values and that this role may not draw from."""
    rows = connection.execute(
        sql.SQL(
            "SELECT DISTINCT sequence.oid::regclass::text FROM ({}) AS known"
            " JOIN pg_attribute ON attrelid = known.oid AND attname = ANY(%s)"
            " JOIN ("
            "  SELECT objid AS sequence_id, refobjid AS table_id, refobjsubid AS number FROM pg_depend"
            "   WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype = 'i'"
            "  UNION SELECT refobjid, adrelid, adnum FROM pg_depend JOIN pg_attrdef ON pg_attrdef.oid = objid"
            "   WHERE classid = 'pg_attrdef'::regclass AND refclassid = 'pg_class'::regclass"
            " ) AS use ON use.table_id = known.oid AND use.number = attnum"
            " JOIN pg_class AS sequence ON sequence.oid = sequence_id"
            # CASE, because the function raises an error for what is no sequence
            " WHERE known.name = %s"
            "  AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(sequence.oid, 'USAGE') END ORDER BY 1"
        ).format(TABLES),
        (list(columns), table),
    )
    return [name for (name,) in rows]


def read_excess_rights(connection: Connection[Any]) -> tuple[str, list[str]]:
    """Return the connection's role and what it may do to Nexus beyond reading and writing rows, in words."""
    row = connection.execute(
        sql.SQL(
            "SELECT current_user, rolsuper,"
            " count(*) FILTER (WHERE pg_has_role(relowner, 'USAGE') OR pg_has_role(nspowner, 'USAGE')),"
            " count(*) FILTER (WHERE has_table_privilege(pg_class.oid, 'TRUNCATE'))"
            " FROM pg_roles LEFT JOIN (({}) AS known JOIN pg_class ON pg_class.oid = known.oid"
            "  JOIN pg_namespace ON pg_namespace.oid = relnamespace) ON true"
            " WHERE rolname = current_user GROUP BY rolsuper"
        ).format(TABLES)
    ).fetchone()
    role, is_superuser, owned, emptied = row or ("", False, 0, 0)
    if is_superuser:
        return role, ["it is a superuser"]
    excess = [f"it may alter and drop {owned:,} tables of Nexus, as their owner does"] if owned else []
    return role, excess + ([f"it may empty {emptied:,} tables of Nexus (TRUNCATE)"] if emptied else [])


def read_held_tables(connection: Connection[Any], tables: list[str]) -> set[str]:
    """Return those of the tables that `nexus_import.hold_still` names; it is read, because a call would lock them."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name, pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace"
        " WHERE nspname = 'nexus_import' AND proname = 'hold_still' AND position(quote_literal(name) IN prosrc) > 0",
        (tables,),
    )
    return {name for (name,) in rows}
