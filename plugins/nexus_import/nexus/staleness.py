"""Whether live Nexus still is what a plan was made from, as far as the plan touches it.

Stale is a planned row that changed or went since the copy, a row to be added whose id is taken, a row that refers,
by whatever link, to one the plan removes and that the plan does not know, and a planned row whose link points at one
that has gone. All other writes since the copy are left alone.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import PublishRefused
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.links import Action, Kind, Link, stored_links
from nexus_import.nexus.plan import Plan, rows_differ
from nexus_import.nexus.working_copy import before, live, work

NAMED_ROWS = 5

Stale = tuple[str, Any, str]


def linked_tables(connection: Connection[Any], plan: Plan) -> set[str]:
    """Return the tables that must stand still while the plan's removals are checked and done.

    No constraint guards a generic or plain link: one that is written after the check would point at nothing. Tables
    that the import may only read are among them; what refers by a foreign key is guarded by `hold_removed_rows`.
    """
    return {
        link.table
        for link, action in stored_links(connection)
        if link.kind is not Kind.FOREIGN_KEY
        and action is not Action.DANGLES
        and plan.counts.get(link.parent_table, {}).get("remove")
    }


def require_fresh(connection: Connection[Any], plan: Plan) -> None:
    """Raise `PublishRefused` that names the stale rows, if there are any."""
    _refuse(find_stale(connection, plan))


def require_nobody_left_behind(connection: Connection[Any], plan: Plan) -> None:
    """Raise `PublishRefused` when, the removals done, a row that the plan does not know refers to one of them."""
    _refuse(find_newly_referring(connection, plan))


def _refuse(stale: list[Stale]) -> None:
    if stale:
        named = ", ".join(f"{table} {row_id or '(a row)'} ({why})" for table, row_id, why in stale[:NAMED_ROWS])
        more = ", …" if len(stale) > NAMED_ROWS else ""
        raise PublishRefused(
            f"{len(stale):,} rows that the plan touches changed in live Nexus since the copy: {named}{more}. "
            "Live Nexus is unchanged. Clear phase_1_preserve.copy_tables with downstream: FileMaker is not read again."
        )


def find_stale(connection: Connection[Any], plan: Plan) -> list[Stale]:
    """Return the stale rows as (table, id, why); called under the publish's locks."""
    stale: list[Stale] = []
    for table, counts in plan.counts.items():
        if counts["change"] or counts["remove"]:
            stale += _changed(connection, plan, table)
        if counts["add"]:
            stale += _taken(connection, plan, table)
    stale += find_newly_referring(connection, plan)
    for link, _ in stored_links(connection):
        if link.kind is not Kind.FOREIGN_KEY and any(
            plan.counts.get(link.table, {}).get(action) for action in ("add", "change")
        ):
            stale += _pointing_at_nobody(connection, plan, link)
    return stale


def _changed(connection: Connection[Any], plan: Plan, table: str) -> list[Stale]:
    query = sql.SQL(
        "SELECT {table}, planned.row_id, CASE WHEN present.id IS NULL THEN 'gone' ELSE 'changed' END"
        " FROM nexus_import.plan_row AS planned"
        " JOIN {before} AS former ON former.id = planned.row_id"
        " LEFT JOIN {live} AS present ON present.id = planned.row_id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action <> 'add'"
        " AND (present.id IS NULL OR {differ})"
    ).format(
        table=sql.Literal(table),
        before=before(table),
        live=live(table),
        plan_id=sql.Literal(plan.plan_id),
        differ=rows_differ(connection, table, "present", "former"),
    )
    return connection.execute(query).fetchall()


def _taken(connection: Connection[Any], plan: Plan, table: str) -> list[Stale]:
    query = sql.SQL(
        "SELECT {table}, planned.row_id, 'already there' FROM nexus_import.plan_row AS planned"
        " JOIN {live} AS present ON present.id = planned.row_id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action = 'add'"
    ).format(table=sql.Literal(table), live=live(table), plan_id=sql.Literal(plan.plan_id))
    return connection.execute(query).fetchall()


def find_newly_referring(connection: Connection[Any], plan: Plan) -> list[Stale]:
    """Return rows of live Nexus that refer to one the plan removes, as `find_stale`; also when it is removed."""
    stale: list[Stale] = []
    for link, action in stored_links(connection):
        if plan.counts.get(link.parent_table, {}).get("remove") and action is not Action.DANGLES:
            stale += _unplanned_rows(connection, plan, link)
    return stale


def _pointing_at_nobody(connection: Connection[Any], plan: Plan, link: Link) -> list[Stale]:
    """Return planned rows that refer to one which has gone from live Nexus: no foreign key would notice."""
    query = sql.SQL(
        "SELECT {table}, wanted.id, {why} FROM {work} AS wanted"
        " JOIN nexus_import.plan_row AS planned ON planned.row_id = wanted.id"
        " JOIN {copied} AS parent ON {refers}"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action <> 'remove'"
        " AND NOT EXISTS (SELECT FROM {live} AS present WHERE present.id = parent.id)"
    ).format(
        table=sql.Literal(link.table),
        why=sql.Literal("its patient has gone" if link.parent_table == "patients" else f"{link.name} has gone"),
        work=work(link.table),
        copied=before(link.parent_table),
        live=live(link.parent_table),
        refers=link.refers("wanted", "parent"),
        plan_id=sql.Literal(plan.plan_id),
    )
    return connection.execute(query).fetchall()


def _unplanned_rows(connection: Connection[Any], plan: Plan, link: Link) -> list[Stale]:
    """Return rows of live Nexus that refer to one the plan removes, and that the plan does not know."""
    is_known = sql.SQL(
        "NOT EXISTS (SELECT FROM nexus_import.plan_row AS planned"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {child_name} AND planned.row_id = child.id"
        " AND (planned.action = 'remove' OR {columns}::text[] && planned.changed_columns))"
    ).format(
        plan_id=sql.Literal(plan.plan_id),
        child_name=sql.Literal(link.table),
        columns=sql.Literal(list(link.columns)),
    )
    in_plan = link.table in plan.counts
    query = sql.SQL(
        "SELECT {child_name}, {child_id}, {why} FROM nexus_import.plan_row AS removed"
        " JOIN {copied} AS parent ON parent.id = removed.row_id"
        " JOIN {child} AS child ON {refers}"
        " WHERE removed.plan_id = {plan_id} AND removed.table_name = {table} AND removed.action = 'remove'"
        " AND {is_known}"
    ).format(
        child_name=sql.Literal(link.table),
        child_id=sql.SQL("child.id" if _has_id(connection, link.table) else "NULL"),
        why=sql.Literal(f"refers to a row of {link.parent_table} that the plan removes"),
        child=live(link.table),
        copied=before(link.parent_table),
        refers=link.refers("child", "parent"),
        plan_id=sql.Literal(plan.plan_id),
        table=sql.Literal(link.parent_table),
        is_known=is_known if in_plan else sql.SQL("TRUE"),
    )
    return connection.execute(query).fetchall()


def _has_id(connection: Connection[Any], table: str) -> bool:
    return any(column.name == "id" for column in read_columns(connection, table))
