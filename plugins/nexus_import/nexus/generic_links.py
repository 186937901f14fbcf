"""Generic links of Django: a column that names a content type, and beside it the bare id of a row of that type.

A foreign key to `django_content_type` is one half of such a link, and so is a whole number that is named like one.
Which column is the other half is told by their names; where names do not tell, only the policy can (`generic_links`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.catalog import ForeignKey, IdColumn, read_foreign_keys, read_id_columns, read_integer_columns

CONTENT_TYPES = "django_content_type"
TYPE_SUFFIXES = ("content_type_id", "contenttype_id", "content_type", "type_id", "ctype_id", "ct_id", "_type", "_ct")
"""How a column is named that names a content type; what is before it, both halves of a link have in common."""
BARE_SUFFIXES = ("content_type_id", "contenttype_id", "_type_id")
"""The same for a column without a foreign key, which may be anything else."""
ID_SUFFIXES = ("id", "pk", "uuid")
NO_LINKS = frozenset({"auth_permission"})
"""Django's own tables whose content type is about a model and not about a row."""

Names = Mapping[tuple[str, str], IdColumn]
"""(table, column) of the columns that can hold the id of a row."""


@dataclass(frozen=True)
class GenericColumn:
    """The two columns of a generic link, before anything is said about what it points at."""

    table: str
    type_column: str
    id_column: str
    is_nullable: bool
    is_text: bool


@dataclass(frozen=True)
class LoneHalf:
    """A column that names a content type, and the columns of which one may hold the id it speaks of."""

    table: str
    type_column: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class GenericLinks:
    """The generic links of Nexus, and the halves of which nobody knows the other half."""

    pairs: tuple[GenericColumn, ...]
    lone: tuple[LoneHalf, ...]


def read_generic_links(connection: Connection[Any], policy: DataPolicy) -> GenericLinks:
    """Return the generic links that the policy declares or that names tell, and what neither tells."""
    keys, ids = read_foreign_keys(connection), read_id_columns(connection)
    explained = {(key.table, column) for key in keys for column in key.columns}
    free = {place: column for place, column in ids.items() if place not in explained}
    pairs: list[GenericColumn] = []
    lone = []
    for table, column, is_key in _type_columns(keys, read_integer_columns(connection), explained):
        declared = [pair[1:] for pair in policy.generic_links.get(table, ()) if pair[0] == column]
        names = [name for rest in declared for name in rest] if declared else list(_partners(column))
        found = [name for name in names if (table, name) in ids and not ids[table, name].is_array]
        found = found if declared else [name for name in found if (table, name) in free]
        pairs += [_pair(table, column, name, ids) for name in found]
        if not found and not declared and table not in NO_LINKS:
            candidates = _candidates(table, free, is_key=is_key)
            lone += [LoneHalf(table, column, candidates)] if candidates else []
    return GenericLinks(tuple(pairs), tuple(lone))


def _type_columns(
    keys: Iterable[ForeignKey], integers: Iterable[tuple[str, str]], explained: set[tuple[str, str]]
) -> Iterator[tuple[str, str, bool]]:
    """Yield (table, column, has a foreign key) of the columns that name a content type, or may do so."""
    for key in keys:
        if key.parent_table == CONTENT_TYPES and len(key.columns) == 1:
            yield key.table, key.columns[0], True
    for table, column in integers:
        if column.endswith(BARE_SUFFIXES) and (table, column) not in explained:
            yield table, column, False


def _partners(type_column: str) -> Iterator[str]:
    """Yield how the id is named that belongs to this column: from_content_type_id, from_object_id."""
    suffix = next((suffix for suffix in TYPE_SUFFIXES if type_column.endswith(suffix)), None)
    if suffix is None:
        return
    stem = type_column.removesuffix(suffix).rstrip("_")
    for name in ("object", "content") if not stem else (f"{stem}_object", stem):
        yield from (f"{name}_{suffix}" for suffix in ID_SUFFIXES)


def _candidates(table: str, free: Names, *, is_key: bool) -> tuple[str, ...]:
    """Return the columns that could be the other half; for a bare number only those that look like an id."""
    return tuple(
        column
        for (of_table, column), kind in free.items()
        if of_table == table and column != "id" and (is_key or not kind.is_text or column.endswith(ID_SUFFIXES))
    )


def _pair(table: str, type_column: str, id_column: str, ids: Names) -> GenericColumn:
    kind = ids[table, id_column]
    return GenericColumn(table, type_column, id_column, kind.is_nullable, kind.is_text)
