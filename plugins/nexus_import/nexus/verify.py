"""After the publish: live Nexus still holds what was published, and the preserved tables are what they were.

The publish itself compares every row before its commit. Afterwards the practice is at work again: a row that
somebody has written since is theirs, and only rows that the publish wrote last can prove anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.images import unlike_published
from nexus_import.nexus.plan import Plan
from nexus_import.nexus.working_copy import fingerprints


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
