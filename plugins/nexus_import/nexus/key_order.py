"""In which order tables are written so that a foreign key holds in between, also one that cannot be deferred."""

from __future__ import annotations

from collections.abc import Iterable

from nexus_import.nexus.catalog import ForeignKey


def parents_first(keys: Iterable[ForeignKey], tables: Iterable[str]) -> list[str]:
    """Return the tables so that each comes after those it refers to, as far as there is no circle."""
    parents: dict[str, list[str]] = {table: [] for table in sorted(tables)}
    for key in keys:
        if key.table in parents and key.parent_table in parents:
            parents[key.table].append(key.parent_table)
    order: dict[str, None] = {}
    entered = set()

    def visit(table: str) -> None:
        if table not in entered:
            entered.add(table)
            for parent in parents[table]:
                visit(parent)
            order[table] = None

    for table in parents:
        visit(table)
    return list(order)
