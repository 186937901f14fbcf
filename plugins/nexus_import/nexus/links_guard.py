"""The schema guard's part about links: columns that hold ids of rows that may go, and that no link explains.

They are told by their names, and by what is in them. A column of which nobody knows what it refers to would keep the id
of a row that is gone, so each of them is declared, also as one that is no link.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.core.nearest import nearest
from nexus_import.nexus.catalog import IdColumn, read_foreign_keys, read_id_columns, read_integer_columns
from nexus_import.nexus.checks import Finding
from nexus_import.nexus.generic_links import CONTENT_TYPES, GenericLinks, read_generic_links
from nexus_import.nexus.links import read_links
from nexus_import.nexus.sampled_ids import Place, find_columns_with_ids

ID_ENDINGS = ("_id", "_uuid", "_ids", "_uuids")


def find_link_mistakes(connection: Connection[Any], policy: DataPolicy) -> list[Finding]:
    """Return what the policy says of links and is not so, and what it does not say."""
    generic = read_generic_links(connection, policy)
    return [
        *_wrong_links(connection, policy),
        *_wrong_pairs(connection, policy),
        *_unknown_models(connection, policy),
        *_lone_halves(generic),
        *_undeclared_ids(connection, policy, generic),
    ]


def _wrong_links(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield the columns of plain_links and set_null that Nexus does not have, or that cannot be what is said."""
    columns = read_id_columns(connection)
    nullable = {link.name for link in read_links(connection, policy) if link.is_nullable}
    for name, parents in policy.plain_links.items():
        table, _, column = name.rpartition(".")
        if (table, column) not in columns:
            of_table = [other for known, other in columns if known == table]
            detail = f"plain_links: {name}: Nexus has no such column that can hold an id{nearest(column, of_table)}"
            yield Finding(table, field=column, detail=detail)
        elif columns[table, column].is_array and parents:
            detail = f"plain_links: {name}: it is an array, and arrays are not followed; say [] instead"
            yield Finding(table, field=column, detail=detail)
    for name in policy.set_null:
        if name not in nullable:
            table, _, column = name.rpartition(".")
            yield Finding(
                table,
                field=column,
                detail=f"set_null: {name}: no such column refers to another table and may be NULL"
                f"{nearest(name, nullable)}",
            )


def _wrong_pairs(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    """Yield the columns of generic_links that Nexus does not have, or that cannot be what is said."""
    ids, numbers = read_id_columns(connection), read_integer_columns(connection)
    single = {column for column, kind in ids.items() if not kind.is_array}
    for table, pairs in policy.generic_links.items():
        for pair in pairs:
            for column, known, what in zip(pair, (numbers, single), ("a content type", "an id"), strict=False):
                if (table, column) not in known:
                    of_table = [other for of, other in known if of == table]
                    detail = (
                        f"generic_links: {table}: Nexus has no column {column} there that can hold {what}"
                        f"{nearest(column, of_table)}"
                    )
                    yield Finding(table, field=column, detail=detail)


def _unknown_models(connection: Connection[Any], policy: DataPolicy) -> Iterator[Finding]:
    rows = connection.execute("SELECT app_label || '.' || model FROM public.django_content_type")
    known = [model for (model,) in rows]
    for table, model in policy.content_types.items():
        if model not in known:
            detail = f"content_types: {table}: Nexus has no content type {model}{nearest(model, known)}"
            yield Finding(table, field=CONTENT_TYPES, detail=detail)


def _lone_halves(generic: GenericLinks) -> Iterator[Finding]:
    """Yield the columns that name a content type while nothing tells where the id is that they speak of."""
    for half in generic.lone:
        column = half.type_column
        yield Finding(
            half.table,
            field=column,
            detail=f"column {half.table}.{column} looks like the content type of a generic link, and no column beside "
            f"it is named as the id it speaks of: add the line '  {half.table}: [[{column}, {half.candidates[0]}]]' "
            f"under generic_links (it may be {' or '.join(half.candidates)}; [[{column}]] if it is about no row)",
        )


def _undeclared_ids(connection: Connection[Any], policy: DataPolicy, generic: GenericLinks) -> Iterator[Finding]:
    """Yield the columns that look like ids of rows that may go, by name or by value, and that no link explains."""
    explained = {(key.table, column) for key in read_foreign_keys(connection) for column in key.columns}
    explained |= {(pair.table, pair.id_column) for pair in generic.pairs}
    explained |= {(table, column) for table, _, column in (name.rpartition(".") for name in policy.plain_links)}
    free = {place: kind for place, kind in read_id_columns(connection).items() if place not in explained}
    named = {place: parent for place in free if (parent := _parent_by_name(policy, place[1]))}
    for place, parent in sorted(named.items()):
        yield _undeclared(policy, place, free[place], f"looks like an id of {parent}", parent)
    others = ((place, kind) for place, kind in free.items() if place not in named)
    for table, column, parent, count in find_columns_with_ids(connection, others):
        what = f"holds ids of {parent} ({count:,} of the values looked at)"
        yield _undeclared(policy, (table, column), free[table, column], what, parent)


def _parent_by_name(policy: DataPolicy, column: str) -> str | None:
    """Return the table whose rows a column of this name refers to: patient_id, former_patient_uuid, note_ids."""
    for table, model in policy.content_types.items():
        for singular in dict.fromkeys((model.rpartition(".")[2], table.removesuffix("s"))):
            for name in (f"{singular}{ending}" for ending in ID_ENDINGS):
                if column == name or column.endswith(f"_{name}"):
                    return table
    return None


def _undeclared(policy: DataPolicy, place: Place, kind: IdColumn, what: str, parent: str) -> Finding:
    table, column = place
    declare = "" if table in policy.tables else f" and '  {table}: untouched' under tables"
    line = f"'  {table}.{column}: {parent}' under plain_links (or [] instead of {parent})"
    if kind.is_array:
        line = f"'  {table}.{column}: []' under plain_links (arrays are not followed: such a row keeps nobody)"
    detail = f"column {table}.{column} {what} without a foreign key: add the line {line}{declare}"
    return Finding(table, field=column, detail=detail)
