"""Putting rows aside the way the application does: patients by their archived flag, the others by the status cancelled.

An archived row stays whole. A status that says how a visit ended (completed, no_show) is history and stays too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import ARCHIVED_BY
from nexus_import.nexus.working_copy import work


@dataclass(frozen=True)
class Archive:
    """How a table's rows are put aside.

    `open_where` is the condition on `former` that a row is not put aside yet, `changes` what puts it aside.
    `columns` say nothing of their own about a row, nor do the `values` of a column that others use too.
    """

    open_where: sql.Composable
    changes: sql.Composable
    columns: frozenset[str] = frozenset()
    values: dict[str, str] = field(default_factory=dict)


def _cancelling(*open_states: str) -> Archive:
    return Archive(
        sql.SQL("former.status IN ({})").format(sql.SQL(", ").join(map(sql.Literal, open_states))),
        sql.SQL("status = 'cancelled'"),
        values={"status": "cancelled"},
    )


ARCHIVES = {
    "patients": Archive(
        sql.SQL("NOT former.archived"),
        sql.SQL("archived = true, archived_at = transaction_timestamp(), archived_by = {}").format(
            sql.Literal(ARCHIVED_BY)
        ),
        frozenset({"archived", "archived_at", "archived_by"}),
    ),
    "appointments": _cancelling("scheduled", "checked_in"),
    "reminders": _cancelling("pending", "scheduled"),
}


def is_open(table: str) -> sql.Composable:
    """Return the condition that the row aliased `former` is not put aside yet."""
    return ARCHIVES[table].open_where


def archive_rows(connection: Connection[Any], table: str) -> int:
    """Put the decided rows of the working copy aside; return how many. May run again: it changes no row twice."""
    if table not in ARCHIVES:
        return 0
    return connection.execute(
        sql.SQL(
            "UPDATE {work} AS former SET {changes} FROM nexus_work.fate AS fate"
            " WHERE fate.table_name = {table} AND fate.row_id = former.id AND fate.fate = 'archived' AND {is_open}"
        ).format(work=work(table), changes=ARCHIVES[table].changes, table=sql.Literal(table), is_open=is_open(table))
    ).rowcount


def bring_back_patients(connection: Connection[Any]) -> int:
    """Take the archived flag from patients that the import had archived and FileMaker holds again."""
    return connection.execute(
        "UPDATE nexus_work.patients AS patient SET archived = false, archived_at = NULL, archived_by = NULL"
        " FROM nexus_work.identity AS identity WHERE identity.entity = 'patient' AND identity.nexus_id = patient.id"
        " AND identity.matched_by <> 'vanished' AND patient.archived AND patient.archived_by = %s",
        (ARCHIVED_BY,),
    ).rowcount
