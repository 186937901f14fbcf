"""What in the mapping files does not fit Nexus: names it does not have, types that do not go together, aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import Connection

from nexus_import.core.mapping import COLUMN_TYPES, ColumnMapping, EntityMapping
from nexus_import.core.nearest import nearest
from nexus_import.core.values import fold_name
from nexus_import.core.yaml_files import Mistake
from nexus_import.nexus.catalog import Column, read_all_columns, read_all_tables, read_foreign_keys
from nexus_import.nexus.known_columns import read_known
from nexus_import.nexus.lookups import ID_COLUMN, LOOKUP_TABLES, has_ids, read_lookups

_TEXTS = frozenset({"text", "character varying", "character"})
_INSTANTS = frozenset({"timestamp with time zone"})
FITTING: dict[str, frozenset[str]] = dict.fromkeys(COLUMN_TYPES, _TEXTS) | {
    "date": frozenset({"date"}),
    "wall_time": _INSTANTS,
    "day_start": _INSTANTS,
    "timestamp": _INSTANTS,
    "integer": frozenset({"integer", "bigint", "smallint", "numeric"}),
    "number": frozenset({"numeric", "double precision"}),
    "boolean": frozenset({"boolean"}),
    "uuid": frozenset({"uuid"}) | _TEXTS,
    "text_list": frozenset({"jsonb", "json"}),
}
"""The PostgreSQL types of columns that a mapping's type fills, without the length behind them."""
_LINKS = frozenset({"uuid"})
_NEVER_NULL = frozenset({"sex", "text_list", "wall_time"})
"""Types that make a value of an empty field; a record without its time is left out by its phase, and counted there."""


def find_mapping_mistakes(connection: Connection[Any], mappings: Iterable[EntityMapping]) -> list[Mistake]:
    """Return everything in the mappings that does not fit the tables and the preserved rows of Nexus."""
    mistakes: list[Mistake] = []
    mappings = list(mappings)
    parents = _read_parents(connection)
    entities = {mapping.table: mapping.entity for mapping in mappings if mapping.table}
    for mapping in mappings:
        links = dict(_of_links(mapping, parents, entities))
        found = [*_of_lookups(connection, mapping), *_of_aliases(connection, mapping)]
        if mapping.table is not None:
            found += _of_table(connection, mapping, mapping.table)
        # a type that would fit a link is no way to fill one
        mistakes += [mapping.mistake(key, what) for key, what in found if key.removesuffix(".type") not in links]
        mistakes += [mapping.mistake(key, what) for key, what in links.items()]
    return mistakes


def _read_parents(connection: Connection[Any]) -> dict[tuple[str, str], str]:
    """Return the table whose rows a column holds, by table and column."""
    keys = read_foreign_keys(connection)
    return {(key.table, key.columns[0]): key.parent_table for key in keys if len(key.columns) == 1}


def _of_links(
    mapping: EntityMapping, parents: dict[tuple[str, str], str], entities: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the columns that hold a row of another table, and are filled with something else.

    `entities` are those that the mapping files fill tables with, by table. A row is found by its name or its FileMaker
    id; what FileMaker itself writes there is no id of Nexus.
    """
    for name, column in mapping.columns.items():
        parent = parents.get((mapping.table or "", name), "")
        if parent in LOOKUP_TABLES:
            option, wanted, given = "lookup", parent, column.lookup
        elif parent in entities:
            option, wanted, given = "reference", entities[parent], column.reference
        else:
            continue
        if given is None:
            instead = [other for other in ("lookup", "reference", "type") if other in column.model_fields_set]
            what = f"holds a row of {parent}: say {option}: {wanted}"
            yield f"columns.{name}", what + "".join(f" in place of {other}" for other in instead)
        elif given != wanted and (option == "reference" or given in LOOKUP_TABLES):
            yield f"columns.{name}.{option}", f"the column holds a row of {parent}: say {wanted} in place of {given}"


def _of_table(connection: Connection[Any], mapping: EntityMapping, table: str) -> Iterator[tuple[str, str]]:
    columns = {column.name: column for column in read_all_columns(connection, table)}
    if not columns:
        yield "table", f"Nexus has no table {table}{nearest(table, read_all_tables(connection))}"
        return
    sections = {f"columns.{name}": name for name in mapping.columns}
    sections |= {f"defaults.{name}": name for name in mapping.defaults}
    if mapping.event_key:
        sections["event_key"] = mapping.event_key
    for key, name in sections.items():
        if name not in columns:
            yield key, f"{table} has no such column{nearest(name, columns)}"
        elif columns[name].is_computed:
            yield key, f"the database computes {table}.{name} itself: remove it"
        elif (column := mapping.columns.get(name)) and key.startswith("columns."):
            yield from _of_column(key, column, columns[name])
    yield from _unfilled(mapping, table, columns)


def _of_column(key: str, column: ColumnMapping, target: Column) -> Iterator[tuple[str, str]]:
    kind = re.sub(r"\(.*", "", target.type)
    if column.lookup or column.reference:
        if kind not in _LINKS:
            option = "lookup" if column.lookup else "reference"
            yield f"{key}.{option}", f"fills columns of type uuid; this one is {target.type}"
    elif column.details:
        if kind != "jsonb":
            yield f"{key}.details", f"fills columns of type jsonb; this one is {target.type}"
    elif kind not in FITTING[column.type]:
        fitting = [name for name, kinds in FITTING.items() if kind in kinds]
        instead = f": choose {', '.join(fitting)}" if fitting else ""
        yield f"{key}.type", f"{column.type} does not fit the column, which is {target.type}{instead}"
        return
    can_lack = not (
        target.is_nullable or column.required or column.reference or column.details or column.empty is not None
    )
    if can_lack and column.type not in _NEVER_NULL:
        yield (
            key,
            "the column may not be NULL: say with empty what a record without a value gets, or with required: true "
            "that every record needs one",
        )


def _unfilled(mapping: EntityMapping, table: str, columns: dict[str, Column]) -> Iterator[tuple[str, str]]:
    """Yield the columns that need a value and get none; one that Nexus has newly is the schema guard's to name."""
    known = read_known().get(table, {})
    filled = {"id", mapping.event_key, *mapping.columns, *mapping.defaults}
    for name, column in columns.items():
        if name in filled or name not in known or column.is_nullable or column.is_computed or column.default:
            continue
        yield (
            "columns",
            f"{table}.{name} ({column.type}) may not be NULL and nothing fills it: add it under columns or defaults",
        )


def _of_lookups(connection: Connection[Any], mapping: EntityMapping) -> Iterator[tuple[str, str]]:
    for name, column in mapping.columns.items():
        if not column.lookup:
            continue
        if column.lookup not in LOOKUP_TABLES:
            yield (
                f"columns.{name}.lookup",
                f"nothing is looked up in {column.lookup}{nearest(column.lookup, LOOKUP_TABLES)}",
            )
        elif column.id_field and not has_ids(connection, column.lookup):
            yield f"columns.{name}.id_field", f"{column.lookup} has no column {ID_COLUMN}: remove id_field"


def _of_aliases(connection: Connection[Any], mapping: EntityMapping) -> Iterator[tuple[str, str]]:
    lookups = read_lookups(connection, {}) if mapping.aliases else {}
    for table, aliases in mapping.aliases.items():
        if table not in lookups:
            yield f"aliases.{table}", f"nothing is looked up in {table}{nearest(table, LOOKUP_TABLES)}"
            continue
        lookup = lookups[table]
        for spelling, name in aliases.items():
            key, target, own = f"aliases.{table}.{spelling}", lookup.find(name), lookup.find(spelling)
            if lookup.is_ambiguous(name):
                yield key, f"{table} in Nexus has '{name}' more than once: nobody can tell which one is meant"
            elif target is None:
                near = lookup.nearest(name)
                yield key, f"{table} in Nexus has no '{name}'" + (f" (nearest: {near})" if near else "")
            elif lookup.is_ambiguous(spelling):
                yield key, f"{table} in Nexus has '{spelling}' more than once: an alias cannot decide between them"
            elif own is not None and own != target:
                yield key, f"{table} in Nexus has '{own.name}' itself: the alias would never be used, remove it"
            elif not fold_name(spelling):
                yield key, "an empty name can have no alias: FileMaker's field is empty, fill it there"
