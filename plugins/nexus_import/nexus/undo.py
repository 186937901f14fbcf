"""Undo of a publish: its inverse difference, from the images that the publish kept.

Rows that somebody has written since the publish are left alone and named: what people did afterwards is worth more
than the undo. A row that the publish added stays while something refers to it that the undo does not take away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import DataPolicy
from nexus_import.errors import UndoRefused
from nexus_import.nexus.catalog import read_unique_columns
from nexus_import.nexus.images import column_types
from nexus_import.nexus.links import Action, action_of, read_links
from nexus_import.nexus.locking import Refusal, change_live, lock_live
from nexus_import.nexus.memory import remember_as_before
from nexus_import.nexus.plan import Counts
from nexus_import.nexus.publications import Published, read_publications, require_undoable
from nexus_import.nexus.sql import names
from nexus_import.nexus.undo_deciding import (
    Left,
    UndoWork,
    count_undone,
    decide,
    foreign_keys,
    make_notes,
    read_left,
)
from nexus_import.nexus.working_copy import live

_REFUSAL = Refusal(
    UndoRefused,
    when_busy="Try again when the practice is less busy.",
    when_broken="Look at the row that the constraint speaks of, or restore a backup instead.",
)


@dataclass(frozen=True)
class Undo:
    """What is undone: `counts` per table by what the publish had done there, and the rows left alone.

    `notes` are sentences for a person.
    """

    run_id: str
    plan_id: int
    counts: Counts
    left: list[Left]
    notes: list[str]

    @property
    def row_count(self) -> int:
        """Rows put back or taken out together."""
        return sum(count for actions in self.counts.values() for count in actions.values())

    @property
    def digest(self) -> str:
        """SHA-256 in hex, the same only for undos that do the same to the same rows.

        The rows left alone tell, of all that the publish wrote, which are not.
        """
        left = [[row.table, row.row_id, row.why] for row in self.left]
        return hashlib.sha256(json.dumps([self.plan_id, self.counts, left], sort_keys=True).encode()).hexdigest()


Look = Callable[[Undo], None]
"""Looks at an undo inside its transaction; what it raises rolls everything back."""


def undo_publication(
    connection: Connection[Any],
    plan_id: int,
    policy: DataPolicy,
    *,
    by: str,
    is_rehearsal: bool = False,
    check: Look | None = None,
    record: Look | None = None,
) -> Undo:
    """Take back the publish of this plan; with `is_rehearsal` do it, tell what was done, and roll it back.

    `check` is called when it is known what will be done and nothing is written yet, `record` when everything was
    written and proven, both inside the transaction. Raises `UndoRefused` with the reason; live Nexus is then
    unchanged. `connection` belongs to the restore's role and must not be in a transaction.
    """

    def work() -> Undo:
        return _undo(_lock(connection, plan_id, policy), by, check, record)

    return change_live(connection, work, _REFUSAL, is_rehearsal=is_rehearsal)


def _lock(connection: Connection[Any], plan_id: int, policy: DataPolicy) -> UndoWork:
    """Lock what the publish touched, and what refers to it: a reference made after the look would point at nothing."""
    published, _ = require_undoable(read_publications(connection), plan_id)
    every = read_links(connection, policy)
    links = [link for link in every if link.parent_table in published.columns]
    holding = [link for link in links if action_of(link, policy) is not Action.DANGLES]
    dangling = [link for link in links if link not in holding]
    lock_live(connection, {*published.columns, *(link.table for link in holding)})
    published, along = require_undoable(read_publications(connection), plan_id)
    require_same_columns(connection, published)
    return UndoWork(connection, published, along, holding, dangling, foreign_keys(every, published.columns))


def require_same_columns(connection: Connection[Any], published: Published) -> None:
    """Raise `UndoRefused` when the rows that the publish kept do not fit the tables any more."""
    present = column_types(connection, list(published.columns))
    changed = sorted(table for table, columns in published.columns.items() if present[table] != columns)
    if changed:
        raise UndoRefused(
            f"Nexus was changed since the publish: the columns of {', '.join(changed)} are not what they were. "
            "The rows kept do not fit any more; correct the data in Nexus."
        )


def _undo(work: UndoWork, by: str, check: Look | None, record: Look | None) -> Undo:
    connection, published = work.connection, work.published
    decide(work)
    undo = Undo(published.run_id, published.plan_id, count_undone(work), read_left(work), make_notes(work))
    if check:
        check(undo)
    _put_back(work, undo)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in work.tables:
        _require_as_before(work, table)
    for taken_back in [*work.along, published]:
        remember_as_before(connection, taken_back.plan_id)
        connection.execute(
            "UPDATE nexus_import.publication SET undone_at = clock_timestamp(), undone_by = %s WHERE plan_id = %s",
            (by, taken_back.plan_id),
        )
    if record:
        record(undo)
    return undo


def _put_back(work: UndoWork, undo: Undo) -> None:
    """Write every row; raise `UndoRefused` when these are not as many as were counted."""
    written: Counts = {table: {} for table in work.tables}
    for table in work.tables:
        query = sql.SQL(
            "DELETE FROM {} AS present USING nexus_import.before_image AS image WHERE {} AND present.id = image.row_id"
        )
        written[table]["add"] = work.connection.execute(query.format(live(table), work.added(table))).rowcount
    for table in work.tables:
        _free_unique_columns(work, table)
    for table in work.tables:
        written[table]["change"] = _put_changed_back(work, table)
    for table in work.tables:
        columns = names(work.columns(table))
        query = sql.SQL(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM {former} AS former"
            " WHERE NOT EXISTS (SELECT FROM {live} AS present WHERE present.id = former.id)"
        )
        written[table]["remove"] = work.connection.execute(
            query.format(live=live(table), columns=columns, former=work.former(table))
        ).rowcount
    if written != undo.counts:
        raise UndoRefused(
            "The rows put back do not add up to what the publish kept; everything was rolled back and live Nexus is "
            "unchanged. Does a trigger or rule in Nexus hold some of them back? Ask the developers of Nexus."
        )


def _free_unique_columns(work: UndoWork, table: str) -> None:
    """Set unique columns to NULL first, as the publish does: two rows may have swapped their values."""
    for column in read_unique_columns(work.connection, table):
        work.connection.execute(
            sql.SQL(
                "UPDATE {live} AS present SET {column} = NULL FROM {former} AS former"
                " WHERE present.id = former.id AND present.{column} IS DISTINCT FROM former.{column}"
            ).format(live=live(table), former=work.former(table), column=sql.Identifier(column))
        )


def _put_changed_back(work: UndoWork, table: str) -> int:
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier("former", column))
        for column in work.columns(table)
        if column != "id"
    )
    return work.connection.execute(
        sql.SQL("UPDATE {} AS present SET {} FROM {} AS former WHERE present.id = former.id").format(
            live(table), assignments, work.former(table)
        )
    ).rowcount


def _require_as_before(work: UndoWork, table: str) -> None:
    row = work.connection.execute(
        sql.SQL("SELECT count(*) FROM ({}) AS unlike").format(unlike_before(work.published, table))
    ).fetchone()
    if row and row[0]:
        raise UndoRefused(
            f"{row[0]:,} rows of {table} did not become what they were: does a trigger or rule in Nexus change "
            "them? Everything was rolled back and live Nexus is unchanged. Ask the developers of Nexus."
        )


def unlike_before(published: Published, table: str) -> sql.Composed:
    """Return the query for the rows of an undone publish that are not as they were before it.

    Its columns: `row_id`, and `written_by`, the transaction that wrote the row last, NULL where there is none.
    """
    columns = sql.SQL(", ").join(sql.Identifier("present", name) for name, _ in published.columns[table])
    return sql.SQL(
        "SELECT image.row_id, present.xmin AS written_by FROM nexus_import.before_image AS image"
        " LEFT JOIN {live} AS present ON present.id = image.row_id"
        " WHERE image.plan_id = {plan_id} AND image.table_name = {table} AND image.left_because IS NULL"
        " AND (CASE WHEN present.id IS NOT NULL THEN ROW({columns})::text END) IS DISTINCT FROM image.before_row"
    ).format(live=live(table), columns=columns, plan_id=sql.Literal(published.plan_id), table=sql.Literal(table))
