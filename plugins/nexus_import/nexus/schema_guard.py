"""The schema guard: what Nexus has that nobody decided about stops the run, with the line that decides it.

A new table must never be emptied or orphaned by surprise, a new column never be filled or left empty by accident, and
a trigger never change a row behind the plan's back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.core.mapping import EntityMapping
from nexus_import.core.nearest import nearest
from nexus_import.nexus.catalog import (
    read_all_tables,
    read_columns,
    read_missing_indexes,
    split_name,
)
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.columns_guard import check_columns
from nexus_import.nexus.hazards_guard import (
    find_excess_rights,
    find_heirs,
    find_materialized_views,
    find_missing_rights,
    find_not_held,
    find_side_effects,
    find_unswappable_keys,
)
from nexus_import.nexus.links import Kind, Link, paths_to, read_links
from nexus_import.nexus.links_guard import find_link_mistakes

Severity = Callable[[str, str], str]
"""The policy's word on a check: (check id, default) -> stop or warn."""
POLICY_FILE = "include/policy.yaml"


def check_schema(
    connection: Connection[Any],
    policy: DataPolicy,
    preserved: dict[str, list[str]],
    mappings: list[EntityMapping],
    severity: Severity,
) -> list[CheckResult]:
    """Return every check of the guard; `preserved` gives the columns left out of each preserved table's comparison."""
    return [
        _check_tables(connection, policy, preserved, severity),
        _check_links(connection, policy, severity),
        check_columns(connection, policy.worked_tables, mappings, severity),
        _check_side_effects(connection, policy, severity),
        _check_rights(connection, policy, mappings, severity),
        _check_stillness(connection, policy, severity),
        _check_connection(connection, severity),
        _check_views(connection, policy, severity),
        _check_unique_keys(connection, policy, severity),
        _check_indexes(connection, policy, severity),
    ]


def _result(
    check: str, title: str, todo: str, findings: list[Finding], severity: Severity, default: str = "stop"
) -> CheckResult:
    check_id = f"phase_0/{check}"
    said = [str(finding.detail) for finding in findings]
    return CheckResult(check_id, title, severity(check_id, default), todo, findings, said, own_severity=default)


def _check_tables(
    connection: Connection[Any], policy: DataPolicy, preserved: dict[str, list[str]], severity: Severity
) -> CheckResult:
    tables = read_all_tables(connection)
    findings = [
        Finding(table, field=path[0].name, detail=_undeclared(table, path))
        for table, path in sorted(paths_to(read_links(connection, policy)).items())
        if table not in policy.tables
    ]
    for section, named in (("tables", policy.tables), ("preserved", preserved)):
        findings += [
            Finding(table, detail=f"{section}: {table}: Nexus has no such table{nearest(table, tables)}")
            for table in named
            if table not in tables
        ]
    findings += [
        Finding(
            table,
            detail=f"tables: {table}: it cannot be copied without a column id of type uuid; make it untouched",
        )
        for table in policy.copied_tables
        if table in tables and not _can_be_copied(connection, table)
    ]
    findings += find_heirs(connection, policy)
    return _result(
        "tables_are_declared",
        "Every table that reaches patients is declared",
        f"Decide what the import does with each table and say so under tables in {POLICY_FILE}",
        findings,
        severity,
    )


def _can_be_copied(connection: Connection[Any], table: str) -> bool:
    return any(column.name == "id" and column.type == "uuid" for column in read_columns(connection, table))


def _undeclared(table: str, path: list[Link]) -> str:
    way = ", ".join(f"{link.name} -> {link.parent_table}" for link in path)
    kind = "" if path[0].kind is Kind.FOREIGN_KEY else f" ({path[0].kind})"
    others = " (or kept or cascades, see there)" if split_name(table)[0] == "public" else ""
    return f"table {table} reaches patients through {way}{kind}: add the line '  {table}: untouched'{others}"


def _check_links(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    return _result(
        "links_are_declared",
        "Every column that holds the id of a row that may go is known",
        f"Say under plain_links and generic_links in {POLICY_FILE} what these columns hold",
        find_link_mistakes(connection, policy),
        severity,
    )


def _check_side_effects(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    return _result(
        "no_hidden_side_effects",
        "No trigger, rule, row-level security or foreign key acts by itself on what the import reads and writes",
        "Ask the developers of Nexus what it does to rows that are added, changed and removed in bulk, by a role that "
        f"is not the application's; then say so under side_effects in {POLICY_FILE}",
        list(find_side_effects(connection, policy)),
        severity,
    )


def _check_rights(
    connection: Connection[Any], policy: DataPolicy, mappings: list[EntityMapping], severity: Severity
) -> CheckResult:
    return _result(
        "rights_are_granted",
        "The import may write the tables that the policy lets it write",
        "Add it to include/sql/grants.sql and run that file again, or make the table untouched in the policy",
        list(find_missing_rights(connection, policy, mappings)),
        severity,
    )


def _check_stillness(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    return _result(
        "tables_hold_still",
        "Tables that hold ids without a foreign key, and that the import only reads, stand still during a publish",
        "Put the line into hold_still in include/sql/grants.sql and run that file again: until then an id that is "
        "written there while its row is removed is only seen afterwards, and the publish refused or reported",
        list(find_not_held(connection, policy)),
        severity,
        "warn",
    )


def _check_connection(connection: Connection[Any], severity: Severity) -> CheckResult:
    return _result(
        "connection_is_restricted",
        "The import comes to Nexus as a role that can do its duty and no more",
        f"Correct the Airflow connection that {POLICY_FILE} names (connections: nexus)",
        list(find_excess_rights(connection)),
        severity,
    )


def _check_views(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    return _result(
        "materialized_views_are_fresh",
        "No materialized view shows rows that the import changes",
        "Such a view shows the rows as they were when it was refreshed last: run the statement after each publish",
        list(find_materialized_views(connection, policy)),
        severity,
        "warn",
    )


def _check_unique_keys(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    return _result(
        "unique_values_can_be_swapped",
        "Rows that the import changes can take each other's unique values",
        "Two rows that swap these values would make the publish fail, with nothing changed: ask the developers of "
        "Nexus to make it a constraint that is DEFERRABLE INITIALLY IMMEDIATE",
        list(find_unswappable_keys(connection, policy)),
        severity,
        "warn",
    )


def _check_indexes(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    """Look at the keys of declared tables: deleting what they refer to reads the whole table, row after row."""
    findings = [
        Finding(table, field=columns, detail=statement)
        for table, columns, statement in read_missing_indexes(connection)
        if table in policy.tables
    ]
    return _result(
        "foreign_keys_are_indexed",
        "Foreign-key columns have an index",
        "Create the index in Nexus: without it, deleting rows of the table it refers to gets slow",
        findings,
        severity,
        "warn",
    )
