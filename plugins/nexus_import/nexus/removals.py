"""What a removal could take along: rows that staff link meanwhile, and what the database's own rules would do.

A row that is to go is held first, as PostgreSQL holds one that it deletes: whoever is writing a reference to it is
waited for, whoever comes later waits. So the look for references sees all there will be. Nexus's own ON DELETE rules
would act at the moment of the removal, before the plan's changes are written: rows that move away are moved before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import PublishRefused
from nexus_import.nexus.plan import Plan
from nexus_import.nexus.working_copy import live, work

_RULES = {"c": "ON DELETE CASCADE", "n": "ON DELETE SET NULL", "d": "ON DELETE SET DEFAULT", "r": "ON DELETE RESTRICT"}
_NO_RULE = "a key that is not DEFERRABLE"
# Keys that act when a row is deleted, not when the transaction ends.
_ACTING_AT_ONCE = (
    "SELECT conname, child_space.nspname, child.relname, parent.relname, confdeltype::text,"
    " ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part (number, place)"
    "  JOIN pg_attribute ON attrelid = conrelid AND attnum = part.number ORDER BY part.place),"
    " ARRAY(SELECT NOT attnotnull FROM unnest(conkey) WITH ORDINALITY AS part (number, place)"
    "  JOIN pg_attribute ON attrelid = conrelid AND attnum = part.number ORDER BY part.place),"
    " ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS part (number, place)"
    "  JOIN pg_attribute ON attrelid = confrelid AND attnum = part.number ORDER BY part.place)"
    " FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid"
    " JOIN pg_namespace AS child_space ON child_space.oid = child.relnamespace"
    " JOIN pg_class AS parent ON parent.oid = confrelid"
    " WHERE contype = 'f' AND conparentid = 0 AND (confdeltype <> 'a' OR NOT condeferrable)"
    "  AND parent.relnamespace = 'public'::regnamespace AND parent.relname = ANY(%s) ORDER BY 2, 3, 1"
)


@dataclass(frozen=True)
class _Key:
    """A foreign key that acts at once; `is_nullable` tells it of each of its columns."""

    name: str
    schema: str
    table: str
    parent_table: str
    rule: str
    columns: tuple[str, ...]
    is_nullable: tuple[bool, ...]
    parent_columns: tuple[str, ...]

    def refers(self, child: str, parent: str) -> sql.Composed:
        """Return the condition that the row aliased `child` refers to the one aliased `parent`."""
        pairs = zip(self.columns, self.parent_columns, strict=True)
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(child, own), sql.Identifier(parent, other)) for own, other in pairs
        )


def hold_removed_rows(connection: Connection[Any], plan: Plan) -> None:
    """Lock the rows that the plan removes, in one order, so that no reference to them can come or is on its way."""
    for table in _losing(plan):
        connection.execute(
            sql.SQL(
                "SELECT count(*) FROM (SELECT FROM {} AS present JOIN nexus_import.plan_row AS planned"
                " ON planned.row_id = present.id WHERE planned.plan_id = {} AND planned.table_name = {}"
                " AND planned.action = 'remove' ORDER BY present.id FOR UPDATE OF present) AS held"
            ).format(live(table), sql.Literal(plan.plan_id), sql.Literal(table))
        )


def move_away(connection: Connection[Any], plan: Plan) -> None:
    """Free the rows that the plan keeps from keys that would act on them; raise `PublishRefused` if one cannot be.

    A link that may be empty is emptied until the plan's changes are written, one that may not gets its new value
    now, if what it refers to is there.
    """
    for key in _acting_keys(connection, plan):
        if key.schema == "public" and plan.counts.get(key.table, {}).get("change"):
            _move_away(connection, plan, key)
        _require_nobody(connection, plan, key)


def _losing(plan: Plan) -> list[str]:
    return sorted(table for table, counts in plan.counts.items() if counts["remove"])


def _acting_keys(connection: Connection[Any], plan: Plan) -> list[_Key]:
    return [
        _Key(name, schema, table, parent, _RULES.get(rule, _NO_RULE), tuple(own), tuple(free), tuple(other))
        for name, schema, table, parent, rule, own, free, other in connection.execute(_ACTING_AT_ONCE, (_losing(plan),))
    ]


def _going(plan: Plan, key: _Key, child: str) -> sql.Composed:
    """Return the condition that the row aliased `child` refers to one that the plan removes."""
    return sql.SQL(
        "EXISTS (SELECT FROM {parent} AS parent JOIN nexus_import.plan_row AS going ON going.row_id = parent.id"
        " WHERE {refers} AND going.plan_id = {plan_id} AND going.table_name = {table} AND going.action = 'remove')"
    ).format(
        parent=live(key.parent_table),
        refers=key.refers(child, "parent"),
        plan_id=sql.Literal(plan.plan_id),
        table=sql.Literal(key.parent_table),
    )


def _move_away(connection: Connection[Any], plan: Plan, key: _Key) -> None:
    assignments = [
        sql.SQL("{} = NULL").format(sql.Identifier(column))
        if is_nullable
        else sql.SQL(
            "{column} = CASE WHEN EXISTS (SELECT FROM {parent} AS parent WHERE {refers})"
            " THEN {wanted} ELSE {present} END"
        ).format(
            column=sql.Identifier(column),
            parent=live(key.parent_table),
            refers=key.refers("wanted", "parent"),
            wanted=sql.Identifier("wanted", column),
            present=sql.Identifier("present", column),
        )
        for column, is_nullable in zip(key.columns, key.is_nullable, strict=True)
    ]
    connection.execute(
        sql.SQL(
            "UPDATE {live} AS present SET {assignments} FROM {work} AS wanted, nexus_import.plan_row AS planned"
            " WHERE present.id = wanted.id AND wanted.id = planned.row_id AND planned.plan_id = {plan_id}"
            " AND planned.table_name = {table} AND planned.action = 'change'"
            " AND {columns}::text[] && planned.changed_columns AND {going}"
        ).format(
            live=live(key.table),
            assignments=sql.SQL(", ").join(assignments),
            work=work(key.table),
            plan_id=sql.Literal(plan.plan_id),
            table=sql.Literal(key.table),
            columns=sql.Literal(list(key.columns)),
            going=_going(plan, key, "present"),
        )
    )


def _require_nobody(connection: Connection[Any], plan: Plan, key: _Key) -> None:
    """Raise `PublishRefused` while a row refers by this key to one that goes, and does not go itself."""
    goes_too: sql.Composable = sql.SQL("FALSE")
    if key.schema == "public" and key.table in plan.counts:
        goes_too = sql.SQL(
            "EXISTS (SELECT FROM nexus_import.plan_row AS planned WHERE planned.row_id = child.id"
            " AND planned.plan_id = {} AND planned.table_name = {} AND planned.action = 'remove')"
        ).format(sql.Literal(plan.plan_id), sql.Literal(key.table))
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {} AS child WHERE {} AND NOT {}").format(
            sql.Identifier(key.schema, key.table), _going(plan, key, "child"), goes_too
        )
    ).fetchone()
    if row and row[0]:
        raise PublishRefused(
            f"{row[0]:,} rows of {key.table} refer to rows of {key.parent_table} that the plan removes, and cannot be "
            f"moved away before: constraint {key.name} ({key.rule}) would take or change them, or forbid it. Live "
            f"Nexus is unchanged. Ask the developers of Nexus to make {key.name} DEFERRABLE INITIALLY DEFERRED and "
            "without a rule, or keep the rows in include/policy.yaml; then clear phase_1_preserve.copy_tables with "
            "downstream."
        )
