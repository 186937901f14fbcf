"""The schema guard's part about columns: those that nobody looked at, and those that a new row would lack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from psycopg import Connection

from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.catalog import Column, read_all_columns
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.known_columns import FILE, Difference, differences, read_known

CHECK_ID = "phase_0/columns_are_known"


def check_columns(
    connection: Connection[Any],
    tables: Iterable[str],
    mappings: list[EntityMapping],
    severity: Callable[[str, str], str],
) -> CheckResult:
    """Return the columns that are not as this project knows them, and those that no new row would have a value for.

    `tables` are those that the phases work on.
    """
    by_table = {mapping.table: mapping for mapping in mappings}
    findings = [
        Finding(found.table, field=found.column, detail=_in_words(connection, found, by_table.get(found.table)))
        for found in differences(connection, read_known(), tables)
    ]
    findings += [finding for mapping in mappings for finding in _unfilled(connection, mapping)]
    return CheckResult(
        CHECK_ID,
        "The columns of the tables that the import works on are the ones it knows",
        severity(CHECK_ID, "stop"),
        f"Look at what changed in Nexus and at include/mapping, then write include/{FILE} again: "
        "python -m nexus_import.schema --write",
        findings,
        [str(finding.detail) for finding in findings],
    )


def _in_words(connection: Connection[Any], found: Difference, mapping: EntityMapping | None) -> str:
    name = f"{found.table}.{found.column}"
    mapped = mapping is not None and (found.column in mapping.columns or found.column in mapping.defaults)
    if found.present is None:
        remove = f": take it out of include/mapping/{mapping.entity}.yaml" if mapping and mapped else ""
        return f"column {name} ({found.known}) is gone{remove}"
    if found.known is not None:
        return f"column {name} is now {found.present}, was {found.known}"
    column = next(column for column in read_all_columns(connection, found.table) if column.name == found.column)
    return f"column {name} ({found.present}) is new: {_what_happens(column, is_imported=mapping is not None)}"


def _what_happens(column: Column, *, is_imported: bool) -> str:
    if column.is_computed:
        return "the database computes it, the import leaves it alone"
    if not is_imported:
        return "the import leaves it as it is"
    if column.default is not None:
        return f"rows keep what they have, new rows get its default {column.default}"
    return "rows keep what they have, new rows get none"


def _unfilled(connection: Connection[Any], mapping: EntityMapping) -> Iterator[Finding]:
    """Yield the columns that may not be NULL and for which a new row of the entity would have no value."""
    filled = {"id", mapping.event_key, *mapping.columns, *mapping.defaults}
    for column in read_all_columns(connection, mapping.table or ""):
        if column.is_nullable or column.is_computed or column.default is not None or column.name in filled:
            continue
        yield Finding(
            mapping.table or "",
            field=column.name,
            detail=f"column {mapping.table}.{column.name} may not be NULL and has no default: new rows could not be "
            f"added; fill it under columns or defaults in include/mapping/{mapping.entity}.yaml",
        )
