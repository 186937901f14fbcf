"""After the publish: live Nexus still holds what was published, and the preserved tables are what they were.

The publish itself compares every row before its commit. Afterwards the practice is at work again: a row that
somebody has written since is theirs, and only rows that the publish wrote last can prove anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.catalog import read_columns, split_name
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.images import unlike_published
from nexus_import.nexus.links import Action, Kind, Link, action_of, read_links
from nexus_import.nexus.plan import Plan
from nexus_import.nexus.working_copy import fingerprints, live


@dataclass(frozen=True)
class Look:
    """Rows per table that are not as published: `wrong`, and those that others have written since."""

    wrong: dict[str, int]
    changed_since: dict[str, int]


def look_at_live(connection: Connection[Any], plan: Plan) -> Look:
    """Compare live Nexus with the images of the published plan; needs no working copy."""
    look = Look({}, {})
    for table, counts in plan.counts.items():
        if not any(counts.values()):
            continue
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE is_ours), count(*) FILTER (WHERE NOT is_ours) FROM ({}) AS unlike"
            ).format(unlike_published(connection, plan.plan_id, table))
        ).fetchone()
        for found, count in zip((look.wrong, look.changed_since), row or (0, 0), strict=True):
            if count:
                found[table] = int(count)
    return look


def find_left_behind(connection: Connection[Any], plan: Plan, policy: DataPolicy) -> CheckResult:
    """Find the rows whose generic or plain link names a row that the publish removed: no constraint guards these.

    There was none when the publish committed, as far as the tables could be held still until then.
    """
    findings = [
        finding
        for link in read_links(connection, policy)
        if link.kind is not Kind.FOREIGN_KEY
        and action_of(link, policy) is not Action.DANGLES
        and plan.counts.get(link.parent_table, {}).get("remove")
        for finding in _left_behind(connection, plan, link)
    ]
    return CheckResult(
        "publish/nothing_left_behind",
        "No row names a patient, appointment or other row that the publish removed",
        "warn",
        "Link these rows to another one in Nexus, or undo the publish (docs/runbook.md), which brings back what they "
        "name",
        findings,
    )


def _left_behind(connection: Connection[Any], plan: Plan, link: Link) -> list[Finding]:
    schema, table = split_name(link.table)
    has_id = any(column.name == "id" for column in read_columns(connection, table, schema))
    query = sql.SQL(
        "SELECT parent.id, {child_id} FROM (SELECT row_id AS id FROM nexus_import.before_image"
        "  WHERE plan_id = {plan_id} AND table_name = {parent_name} AND action = 'remove') AS parent"
        " JOIN {child} AS child ON {refers}"
        " WHERE NOT EXISTS (SELECT FROM {live} AS present WHERE present.id = parent.id)"
    ).format(
        child_id=sql.SQL("child.id::text" if has_id else "NULL"),
        plan_id=sql.Literal(plan.plan_id),
        parent_name=sql.Literal(link.parent_table),
        child=sql.Identifier(schema, table),
        live=live(link.parent_table),
        refers=link.refers("child", "parent"),
    )
    return [
        Finding(link.table, nexus_id=gone, field=link.columns[0], detail=f"row {row_id} names it, and it was removed")
        for gone, row_id in connection.execute(query)
    ]


def find_drift(connection: Connection[Any], plan: Plan, preserved: dict[str, list[str]]) -> list[str]:
    """Return the preserved tables that somebody changed since phase 1; the import itself has no right to."""
    row = connection.execute(
        "SELECT preserved FROM nexus_import.publication WHERE plan_id = %s", (plan.plan_id,)
    ).fetchone()
    then = row[0] if row else {}
    present = fingerprints(connection, {table: columns for table, columns in preserved.items() if table in then})
    return [table for table, fingerprint in present.items() if fingerprint != then[table]]


def mark_verified(connection: Connection[Any], plan: Plan) -> None:
    """Note in the journal that the publication was verified."""
    connection.execute(
        "UPDATE nexus_import.publication SET verified_at = clock_timestamp() WHERE plan_id = %s", (plan.plan_id,)
    )
