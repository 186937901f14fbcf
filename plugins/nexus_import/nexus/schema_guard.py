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
    read_missing_rights,
    read_side_effects,
    split_name,
)
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.columns_guard import check_columns
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
        check_columns(connection, mappings, severity),
        _check_side_effects(connection, policy, severity),
        _check_rights(connection, policy, severity),
        _check_indexes(connection, policy, severity),
    ]


def _result(
    check: str, title: str, todo: str, findings: list[Finding], severity: Severity, default: str = "stop"
) -> CheckResult:
    check_id = f"phase_0/{check}"
    said = [str(finding.detail) for finding in findings]
    return CheckResult(check_id, title, severity(check_id, default), todo, findings, said)


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
    found = [
        (table, kind, name)
        for table, kind, name in read_side_effects(connection)
        if name not in policy.side_effects.get(table, ())
        and (table in policy.copied_tables or (table in policy.tables and kind == "row-level security"))
    ]
    return _result(
        "no_hidden_side_effects",
        "No trigger, rule or row-level security acts on what the import reads and writes",
        "Ask the developers of Nexus what it does to rows that are added, changed and removed in bulk, by a role that "
        f"is not the application's; then say so under side_effects in {POLICY_FILE}",
        [
            Finding(
                table,
                field=name,
                detail=f"{kind} on {table}{'' if name == 'row_security' else f' ({name})'}: if it may stay, add the "
                f"line '  {table}: [{', '.join([*policy.side_effects.get(table, ()), name])}]' under side_effects",
            )
            for table, kind, name in found
        ],
        severity,
    )


def _check_rights(connection: Connection[Any], policy: DataPolicy, severity: Severity) -> CheckResult:
    missing = read_missing_rights(connection, policy.copied_tables)
    return _result(
        "rights_are_granted",
        "The import may write the tables that the policy lets it write",
        "Add the table to include/sql/grants.sql and run that file again, or make it untouched in the policy",
        [Finding(table, detail=f"GRANT INSERT, UPDATE, DELETE ON public.{table} TO nexus_import") for table in missing],
        severity,
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
