"""Transactions on live Nexus under lock: all tables at once, in one order, and never in a queue for long.

Whoever changes live Nexus for this project (publish, undo, restore) goes through here, so that two of them exclude
each other and none can hold up the practice behind somebody's long reading.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import Connection, errors, sql

from nexus_import.errors import NexusImportError
from nexus_import.nexus.working_copy import live

log = logging.getLogger(__name__)

PUBLISH_LOCK = 0x6E657875_7075626C
LOCK_TIMEOUTS_MS = (200, 500, 5000)
"""The last is longer than deadlock_timeout (1 s): autovacuum gives way only after that."""
SILENCE_LIMIT_MS = 60_000
"""A machine that is lost in the middle would hold its locks for hours: PostgreSQL ends a transaction so long silent."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Refusal:
    """How a refusal is raised: its error class, and what to do when tables are busy and when a constraint broke."""

    error: type[NexusImportError]
    when_busy: str
    when_broken: str


def change_live(
    connection: Connection[Any], work: Callable[[], Result], refusal: Refusal, *, is_rehearsal: bool = False
) -> Result:
    """Run `work` in one transaction and return its result; it takes its locks with `lock_live`.

    A rehearsal does all of it and rolls it back. The transaction is tried once for each of LOCK_TIMEOUTS_MS while
    tables are locked by others. `connection` must not be in a transaction. Raises `refusal.error`; live Nexus is then
    unchanged.
    """
    for timeout in LOCK_TIMEOUTS_MS:
        try:
            with connection.transaction(force_rollback=is_rehearsal):
                for setting, milliseconds in (
                    ("lock_timeout", timeout),
                    ("idle_in_transaction_session_timeout", SILENCE_LIMIT_MS),
                ):
                    connection.execute("SELECT set_config(%s, %s, true)", (setting, f"{milliseconds}ms"))
                return work()
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if timeout != LOCK_TIMEOUTS_MS[-1]:
                log.info("A live table is locked by somebody else; trying again")
        except (errors.ForeignKeyViolation, errors.RestrictViolation) as error:
            raise refusal.error(
                f"A row that is referred to has gone from live Nexus (constraint {error.diag.constraint_name} of "
                f"{error.diag.table_name}); live Nexus is unchanged. {refusal.when_broken}"
            ) from None
        except errors.UniqueViolation as error:
            raise refusal.error(
                f"A value that must be unique was taken in live Nexus meanwhile (constraint "
                f"{error.diag.constraint_name} of {error.diag.table_name}); live Nexus is unchanged. "
                f"{refusal.when_broken}"
            ) from None
    raise refusal.error(f"Live tables were locked by others for too long; live Nexus is unchanged. {refusal.when_busy}")


def lock_live(connection: Connection[Any], tables: Iterable[str], still: Iterable[str] = ()) -> None:
    """Let others read but not write these live tables until the transaction ends; keep out undo and restore too.

    `still` are tables that the role may only read and that may not be written either: the database holds them for
    it (`nexus_import.hold_still`, made by include/sql/grants.sql). One that it does not hold is named in the log.
    """
    writable = set(tables)
    for table in sorted({*writable, *still}):
        if table in writable:
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(live(table)))
        elif not _hold_still(connection, table):
            log.warning(
                "Table %s is not held still: add it to hold_still in include/sql/grants.sql and run that file",
                table,
            )
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISH_LOCK,))


def _hold_still(connection: Connection[Any], table: str) -> bool:
    """Ask the database to hold the table; False when it was not told that it may."""
    row = connection.execute("SELECT to_regprocedure('nexus_import.hold_still(text)') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return False
    row = connection.execute("SELECT nexus_import.hold_still(%s)", (table,)).fetchone()
    return bool(row and row[0])
