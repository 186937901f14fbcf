"""What the policy's sections about tables must agree on, whatever the database looks like. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from nexus_import.core.data_policy import (
    ARCHIVABLE_TABLES,
    MAPPABLE_TABLES,
    MAPPED_TABLES,
    ROOT_TABLES,
    DataPolicy,
    Fate,
)
from nexus_import.core.nearest import nearest

Mistake = tuple[str, str]
"""The key, with dots between its parts, and what is wrong with it."""


def mistakes(policy: DataPolicy, preserved: Collection[str]) -> Iterator[Mistake]:
    """Yield what is impossible or contradicts itself; `preserved` are the tables that are only compared."""
    yield from _treatments(policy, preserved)
    yield from _overrides(policy)
    yield from _fates("nexus_only_rows", policy.nexus_only_rows, ROOT_TABLES)
    always = [table for table, needed in MAPPED_TABLES.items() if needed == "imported"]
    yield from _fates("vanished", policy.vanished, tuple(dict.fromkeys([*always, *policy.imported_tables])))
    yield from _links(policy)
    yield from _generic_links(policy)
    for table in policy.side_effects:
        if table not in policy.tables:
            yield f"side_effects.{table}", _no_such_table(policy, table)


def _treatments(policy: DataPolicy, preserved: Collection[str]) -> Iterator[Mistake]:
    for table, needed in MAPPED_TABLES.items():
        found = policy.tables.get(table)
        if found is None:
            yield f"tables.{table}", f"is missing: the import works on this table; add the line '{table}: {needed}'"
        elif found != needed:
            yield f"tables.{table}", f"'{found}' is impossible: the import works on this table, it is {needed}"
    for table, treatment in policy.tables.items():
        key = f"tables.{table}"
        possible = [name for name, needed in MAPPED_TABLES.items() if needed == treatment]
        if treatment == "imported":
            possible += MAPPABLE_TABLES
        if treatment in ("imported", "relinked") and table not in possible:
            works_on = ", ".join(possible)
            yield key, f"'{treatment}' is impossible: only {works_on} are; choose cascades, kept or untouched"
        if "." in table and treatment != "untouched":
            yield key, f"'{treatment}' is impossible: only tables of schema public are copied; choose untouched"
        if table in preserved:
            yield f"preserved.{table}", "is listed under tables too: a table is preserved or worked on, not both"


def unmapped(policy: DataPolicy, mapped: Mapping[str, str]) -> Iterator[Mistake]:
    """Yield where the policy and the mapping files do not agree; `mapped` is {table: entity}."""
    for table in policy.imported_tables:
        if table not in mapped:
            yield f"tables.{table}", "'imported' is impossible: no mapping file fills this table"
    for table, entity in mapped.items():
        if policy.treatment(table) != "imported":
            yield (
                f"tables.{table}",
                f"'{policy.tables.get(table, 'nothing')}' is impossible: {entity}.yaml fills this table; add the line "
                f"'{table}: imported', or take the mapping file away",
            )


def _overrides(policy: DataPolicy) -> Iterator[Mistake]:
    for table, choice in policy.nexus_only_tables.items():
        key, treatment = f"nexus_only_tables.{table}", policy.tables.get(table)
        if treatment is None:
            yield key, _no_such_table(policy, table)
        elif treatment == "relinked":
            yield key, f"'{choice}' is impossible: documents, batches and images are never deleted"
        elif treatment == "untouched" and choice == "delete":
            yield key, "'delete' is impossible: the table is untouched"


def _fates(section: str, fates: Mapping[str, Fate], tables: tuple[str, ...]) -> Iterator[Mistake]:
    for table, fate in fates.items():
        if table not in tables:
            yield f"{section}.{table}", f"is none of {', '.join(tables)}{nearest(table, tables)}"
        elif fate == "archive" and table not in ARCHIVABLE_TABLES:
            yield (
                f"{section}.{table}",
                "'archive' is impossible: the application has nothing to archive such a row with; "
                "choose keep, delete or stop",
            )
    for table in tables:
        if table not in fates:
            yield f"{section}.{table}", "is missing: choose keep, archive, delete or stop"


def _links(policy: DataPolicy) -> Iterator[Mistake]:
    for name in policy.set_null:
        table = name.rpartition(".")[0]
        if table not in policy.tables:
            yield f"set_null.{name}", _no_such_table(policy, table)
        elif policy.tables[table] in ("relinked", "untouched"):
            yield f"set_null.{name}", f"is impossible: the table is {policy.tables[table]}"
    for name, parents in policy.plain_links.items():
        table = name.rpartition(".")[0]
        if table not in policy.tables:
            yield f"plain_links.{name}", _no_such_table(policy, table)
        for parent in parents:
            if parent not in policy.tables:
                yield f"plain_links.{name}", _no_such_table(policy, parent)
    for table in ROOT_TABLES:
        if table not in policy.content_types:
            yield f"content_types.{table}", "is missing: without it nobody sees what refers to such a row"
    for table, model in policy.content_types.items():
        if table not in policy.tables:
            yield f"content_types.{table}", _no_such_table(policy, table)
        elif len(model.split(".")) != 2:
            yield f"content_types.{table}", f"'{model}' is not app_label.model"


def _generic_links(policy: DataPolicy) -> Iterator[Mistake]:
    for table, pairs in policy.generic_links.items():
        key = f"generic_links.{table}"
        for pair in pairs:
            if len(pair) not in (1, 2):
                yield key, f"{list(pair)} is not [type column, id column], nor [type column] where it is about no row"
        if table not in policy.tables and any(len(pair) == 2 for pair in pairs):
            yield key, _no_such_table(policy, table)


def _no_such_table(policy: DataPolicy, table: str) -> str:
    return f"there is no table '{table}' under tables{nearest(table, policy.tables)}"
