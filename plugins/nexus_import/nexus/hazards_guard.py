"""The schema guard's part about what acts behind the plan's back, and about who the import is to Nexus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.catalog import read_columns, read_missing_rights, read_side_effects, split_name
from nexus_import.nexus.catalog_hazards import (
    read_heirs,
    read_held_tables,
    read_key_actions,
    read_materialized_views,
    read_missing_sequence_rights,
    read_unswappable_keys,
)
from nexus_import.nexus.checks import Finding
from nexus_import.nexus.links import Kind, read_links
from nexus_import.nexus.roles import find_excess


def find_side_effects(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield triggers, rules, row-level security and acting foreign keys that the policy does not declare."""
    effects = [
        (table, kind, name)
        for table, kind, name in read_side_effects(connection)
        if table in policy.copied_tables or (table in policy.tables and kind == "row-level security")
    ]
    effects += [
        (table, f"{rule} of a foreign key to {parent}", name)
        for table, name, parent, rule in read_key_actions(connection)
        if parent in policy.copied_tables
    ]
    for table, kind, name in effects:
        declared = policy.side_effects.get(table, ())
        if name not in declared:
            yield Finding(
                table,
                field=name,
                detail=f"{kind} on {table}{'' if name == 'row_security' else f' ({name})'}: if it may stay, add the "
                f"line '  {table}: [{', '.join([*declared, name])}]' under side_effects",
            )


def find_heirs(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield the tables whose rows count as rows of a table that is copied."""
    for table, parent in read_heirs(connection):
        if parent in policy.copied_tables:
            yield Finding(
                table,
                detail=f"table {table} inherits from {parent}: its rows count as rows of {parent}, and the import "
                f"cannot tell them apart; no line of the policy helps. Ask the developers of Nexus to take it out: "
                f"ALTER TABLE {table} NO INHERIT {parent} (partitions are no trouble)",
            )


def find_missing_rights(
    connection: Connection[Any], policy: DataPolicy, mappings: list[EntityMapping]
) -> Iterator[Finding]:
    """Yield tables that the import may not write, and sequences that its new rows would need."""
    for table in read_missing_rights(connection, policy.copied_tables):
        yield Finding(table, detail=f"GRANT INSERT, UPDATE, DELETE ON public.{table} TO nexus_import")
    for mapping in mappings:
        table = mapping.table or ""
        filled = {"id", *mapping.columns, *mapping.defaults}
        drawn = [column.name for column in read_columns(connection, table) if column.name not in filled]
        for sequence in read_missing_sequence_rights(connection, table, drawn):
            yield Finding(table, detail=f"GRANT USAGE ON SEQUENCE {sequence} TO nexus_import")


def find_not_held(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield tables that the import may only read, hold ids without a foreign key, and can be written in a publish."""
    needed = sorted(
        {
            link.table
            for link in read_links(connection, policy)
            if link.kind is not Kind.FOREIGN_KEY
            and policy.tables.get(link.table) == "untouched"
            and split_name(link.table)[0] == "public"
        }
    )
    held = read_held_tables(connection, needed)
    line = f"table_name <> ALL (ARRAY[{', '.join(repr(table) for table in needed)}])"
    for table in needed:
        if table not in held:
            yield Finding(table, detail=f"table {table} is not in hold_still; with it the line is: IF {line}")


def find_excess_rights(connection: Connection[Any]) -> Iterator[Finding]:
    """Yield the connection's own role when it may do more than the import needs."""
    if excess := find_excess(connection, "import"):
        yield Finding("connection", detail=excess)


def find_materialized_views(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield the views that keep rows of copied tables as they were when they were refreshed last."""
    for view, statement in read_materialized_views(connection, policy.copied_tables):
        yield Finding(view, detail=statement)


def find_unswappable_keys(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield the unique indexes in which two planned rows could meet."""
    for table, index, definition in read_unswappable_keys(connection, policy.worked_tables):
        yield Finding(table, field=index, detail=f"{index} of {table} ({definition.partition(' USING ')[2]})")
