"""Undo of a publish: its inverse difference, from the images that the publish kept.

Rows that somebody has written since the publish are left alone and named: what people did afterwards is worth more
than the undo. A row that the publish added stays while something refers to it that the undo does not take away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import UndoRefused
from nexus_import.nexus.catalog import read_columns, read_unique_columns
from nexus_import.nexus.images import column_types, unlike_published
from nexus_import.nexus.links import Link
from nexus_import.nexus.locking import Refusal, change_live, lock_live
from nexus_import.nexus.memory import remember_as_before
from nexus_import.nexus.plan import Counts
from nexus_import.nexus.working_copy import live

_REFUSAL = Refusal(
    UndoRefused,
    when_busy="Try again when the practice is less busy.",
    when_broken="Look at the row that the constraint speaks of, or restore a backup instead.",
)


@dataclass(frozen=True)
class Left:
    """A row that was left alone, and why."""

    table: str
    row_id: str
    why: str


@dataclass(frozen=True)
class Undo:
    """What was undone, per table and by what the publish had done there; and the rows left alone."""

    run_id: str
    counts: Counts
    left: list[Left]

    @property
    def row_count(self) -> int:
        """Rows put back or taken out together."""
        return sum(count for actions in self.counts.values() for count in actions.values())


@dataclass(frozen=True)
class _Published:
    plan_id: int
    run_id: str
    tables: list[str]
    columns: dict[str, list[list[str]]]
    image_count: int


def undo_publication(
    connection: Connection[Any], run_id: str, links: list[Link], *, by: str, is_rehearsal: bool = False
) -> Undo:
    """Take back the newest publish, which must be that of `run_id`; with `is_rehearsal` only tell what would be done.

    `links` are the links of Nexus that count as references, also those that no foreign key guards. Raises
    `UndoRefused` with the reason; live Nexus is then unchanged. `connection` must not be in a transaction.
    """
    return change_live(connection, lambda: _undo(connection, run_id, links, by), _REFUSAL, is_rehearsal=is_rehearsal)


def _undo(connection: Connection[Any], run_id: str, links: list[Link], by: str) -> Undo:
    published = _require_undoable(connection, run_id)
    referring = [link for link in links if link.parent_table in published.tables]
    # also what refers to the rows that go: a reference made after the look would point at nothing
    lock_live(connection, {*published.tables, *(link.table for link in referring)})
    _require_undoable(connection, run_id)
    connection.execute(
        "UPDATE nexus_import.before_image SET left_because = NULL WHERE plan_id = %s", [published.plan_id]
    )
    for table in published.tables:
        _leave_what_others_wrote(connection, published.plan_id, table)
    while _leave_what_is_referred_to(connection, published, referring):
        # a row that stays may hold back the next one
        continue
    counts = _put_back(connection, published)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _require_as_before(connection, published)
    remember_as_before(connection, published.plan_id)
    connection.execute(
        "UPDATE nexus_import.publication SET undone_at = clock_timestamp(), undone_by = %s WHERE plan_id = %s",
        (by, published.plan_id),
    )
    return Undo(run_id, counts, _left(connection, published.plan_id))


def _require_undoable(connection: Connection[Any], run_id: str) -> _Published:
    row = connection.execute(
        "SELECT plan_id, run_id, counts, table_columns, undone_at, undone_by FROM nexus_import.publication"
        " WHERE run_id = %s ORDER BY published_at DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    if row is None:
        raise UndoRefused(f"Run {run_id} has published nothing; there is nothing to undo.")
    plan_id, _, counts, columns, undone_at, undone_by = row
    if undone_at is not None:
        raise UndoRefused(
            f"The publish of run {run_id} was undone already, by {undone_by} at {undone_at:%Y-%m-%d %H:%M} UTC."
        )
    newer = connection.execute(
        "SELECT run_id FROM nexus_import.publication WHERE undone_at IS NULL ORDER BY published_at DESC LIMIT 1"
    ).fetchone()
    if newer and newer[0] != run_id:
        raise UndoRefused(f"Run {newer[0]} has published since: undo that first, then run {run_id}.")
    expected = sum(count for actions in counts.values() for count in actions.values())
    held = connection.execute(
        "SELECT count(*) FROM nexus_import.before_image WHERE plan_id = %s", (plan_id,)
    ).fetchone()
    if not held or held[0] != expected:
        raise UndoRefused(
            f"Of the {expected:,} rows that run {run_id} published, {held[0] if held else 0:,} are still kept as they "
            "were before: the others were removed by the policy's retention. Restore a backup instead."
        )
    _require_same_columns(connection, columns)
    return _Published(plan_id, run_id, sorted(columns), columns, expected)


def _require_same_columns(connection: Connection[Any], columns: dict[str, list[list[str]]]) -> None:
    present = column_types(connection, list(columns))
    changed = sorted(table for table in columns if present[table] != columns[table])
    if changed:
        raise UndoRefused(
            f"Nexus was changed since the publish: the columns of {', '.join(changed)} are not what they were. "
            "The rows kept do not fit any more; correct the data in Nexus."
        )


def _leave_what_others_wrote(connection: Connection[Any], plan_id: int, table: str) -> None:
    connection.execute(
        sql.SQL(
            "UPDATE nexus_import.before_image AS image SET left_because = CASE"
            "  WHEN image.action = 'remove' THEN 'is there again'"
            "  WHEN unlike.is_there THEN 'changed since the publish' ELSE 'gone since the publish' END"
            " FROM ({unlike}) AS unlike"
            " WHERE image.plan_id = {plan_id} AND image.table_name = {table} AND image.row_id = unlike.row_id"
        ).format(
            unlike=unlike_published(connection, plan_id, table),
            plan_id=sql.Literal(plan_id),
            table=sql.Literal(table),
        )
    )


def _leave_what_is_referred_to(connection: Connection[Any], published: _Published, links: list[Link]) -> bool:
    """Leave added rows alone that a row refers to which stays; tell whether there was one.

    What a changed row was before cannot refer to a row that the publish added, so it does not hold one back.
    """
    is_found = False
    for link in links:
        goes_too: sql.Composable = sql.SQL("")
        if link.table in published.tables:
            goes_too = sql.SQL(
                " AND NOT EXISTS (SELECT FROM nexus_import.before_image AS other WHERE other.plan_id = {plan_id}"
                " AND other.table_name = {child} AND other.row_id = child.id AND other.left_because IS NULL)"
            ).format(plan_id=sql.Literal(published.plan_id), child=sql.Literal(link.table))
        query = sql.SQL(
            "UPDATE nexus_import.before_image AS image SET left_because = {why} FROM {parent} AS parent"
            " WHERE image.plan_id = {plan_id} AND image.table_name = {table} AND image.action = 'add'"
            " AND image.left_because IS NULL AND parent.id = image.row_id AND EXISTS (SELECT FROM {child} AS child"
            "  WHERE {refers}{goes_too})"
        ).format(
            why=sql.Literal(f"a row of {link.table} refers to it"),
            parent=live(link.parent_table),
            plan_id=sql.Literal(published.plan_id),
            table=sql.Literal(link.parent_table),
            child=live(link.table),
            refers=link.refers("child", "parent"),
            goes_too=goes_too,
        )
        is_found = connection.execute(query).rowcount > 0 or is_found
    return is_found


def _put_back(connection: Connection[Any], published: _Published) -> Counts:
    counts: Counts = {table: {} for table in published.tables}
    for table in published.tables:
        counts[table]["add"] = connection.execute(
            sql.SQL("DELETE FROM {} AS present USING ({}) AS image WHERE present.id = image.row_id").format(
                live(table), _images(published, table, "add")
            )
        ).rowcount
    for table in published.tables:
        _free_unique_columns(connection, published, table)
    for table in published.tables:
        counts[table]["change"] = _put_changed_back(connection, published, table)
    for table in published.tables:
        counts[table]["remove"] = connection.execute(
            sql.SQL("WITH image AS MATERIALIZED ({}) INSERT INTO {} SELECT (image.former).* FROM image").format(
                _images(published, table, "remove"), live(table)
            )
        ).rowcount
    return counts


def _images(published: _Published, table: str, action: str) -> sql.Composed:
    """Return the query for the rows to undo: `row_id`, and `former` as a row of the live table."""
    return sql.SQL(
        "SELECT row_id, before_row::{live} AS former FROM nexus_import.before_image"
        " WHERE plan_id = {plan_id} AND table_name = {table} AND action = {action} AND left_because IS NULL"
    ).format(
        live=live(table),
        plan_id=sql.Literal(published.plan_id),
        table=sql.Literal(table),
        action=sql.Literal(action),
    )


def _free_unique_columns(connection: Connection[Any], published: _Published, table: str) -> None:
    """Set unique columns to NULL first, as the publish does: two rows may have swapped their values."""
    for column in read_unique_columns(connection, table):
        connection.execute(
            sql.SQL(
                "WITH image AS MATERIALIZED ({images}) UPDATE {live} AS present SET {column} = NULL FROM image"
                " WHERE present.id = image.row_id AND present.{column} IS DISTINCT FROM (image.former).{column}"
            ).format(images=_images(published, table, "change"), live=live(table), column=sql.Identifier(column))
        )


def _put_changed_back(connection: Connection[Any], published: _Published, table: str) -> int:
    assignments = sql.SQL(", ").join(
        sql.SQL("{column} = (image.former).{column}").format(column=sql.Identifier(column.name))
        for column in read_columns(connection, table)
        if column.name != "id"
    )
    return connection.execute(
        sql.SQL(
            "WITH image AS MATERIALIZED ({images}) UPDATE {live} AS present SET {assignments} FROM image"
            " WHERE present.id = image.row_id"
        ).format(images=_images(published, table, "change"), live=live(table), assignments=assignments)
    ).rowcount


def _require_as_before(connection: Connection[Any], published: _Published) -> None:
    for table in published.tables:
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM nexus_import.before_image AS image"
                " LEFT JOIN {live} AS present ON present.id = image.row_id"
                " WHERE image.plan_id = {plan_id} AND image.table_name = {table} AND image.left_because IS NULL"
                " AND (CASE WHEN present.id IS NOT NULL THEN present::text END) IS DISTINCT FROM image.before_row"
            ).format(live=live(table), plan_id=sql.Literal(published.plan_id), table=sql.Literal(table))
        ).fetchone()
        if row and row[0]:
            raise UndoRefused(
                f"{row[0]:,} rows of {table} did not become what they were: does a trigger or rule in Nexus change "
                "them? Everything was rolled back and live Nexus is unchanged. Ask the developers of Nexus."
            )


def _left(connection: Connection[Any], plan_id: int) -> list[Left]:
    rows = connection.execute(
        "SELECT table_name, row_id::text, left_because FROM nexus_import.before_image"
        " WHERE plan_id = %s AND left_because IS NOT NULL ORDER BY table_name, row_id",
        (plan_id,),
    )
    return [Left(*row) for row in rows]
