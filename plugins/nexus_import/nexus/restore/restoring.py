"""The restore of a backup, step by step, on open connections: used by the DAG and by the command line alike."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from nexus_import.errors import NexusImportError, RestoreRefused
from nexus_import.nexus.backup import Backup
from nexus_import.nexus.database_errors import say
from nexus_import.nexus.locking import Refusal, change_live, lock_live
from nexus_import.nexus.restore.comparison import Comparison, compare
from nexus_import.nexus.restore.memory import restore_memory, restore_publications
from nexus_import.nexus.restore.planning import Loaded
from nexus_import.nexus.restore.records import (
    Restored,
    RestorePlan,
    find_restore,
    record_restore,
    require_approval,
)
from nexus_import.nexus.restore.references import require_references
from nexus_import.nexus.restore.scope import read_shapes
from nexus_import.nexus.restore.writing import advance_sequences, write_back
from nexus_import.nexus.session import pin_formats

log = logging.getLogger(__name__)

REFUSAL = Refusal(
    RestoreRefused,
    "Restore again when the practice is less busy.",
    "Compare again: everything was rolled back.",
)
SaveFirst = Callable[[], Backup]
"""Takes a backup of live Nexus as it is and records it."""


def restore_backup(
    connection: Connection[Any],
    loaded: Loaded,
    plan: RestorePlan,
    operators: list[str] | None,
    save_first: SaveFirst | None,
) -> Restored:
    """Put the loaded backup back in one transaction, after everything the plan stands on held again.

    `operators` may have approved it (anybody when None). `save_first` takes a backup of what is there now; None goes
    without. `connection` must not be in a transaction. Raises `RestoreRefused`; live Nexus is then unchanged.
    A plan that had been committed before is recognised and not done twice.
    """
    with connection.transaction():
        if done := find_restore(connection, plan):
            return done
        require_approval(connection, plan, operators)
    saved = _save(save_first) if save_first else None

    def work() -> Restored:
        return _restore_once(connection, loaded, plan, operators, saved.manifest_key if saved else None)

    return change_live(connection, work, REFUSAL)


def _save(save_first: SaveFirst) -> Backup:
    try:
        return save_first()
    except (NexusImportError, psycopg.Error, OSError) as error:
        why = say(error) if isinstance(error, psycopg.Error) else str(error)
        raise RestoreRefused(
            f"Live Nexus as it is could not be backed up first: {why} Nothing was changed. Mend that, or, if Nexus is "
            "too broken for a backup, restore without one: what was written since the backup is then gone for good."
        ) from error


def _restore_once(
    connection: Connection[Any],
    loaded: Loaded,
    plan: RestorePlan,
    operators: list[str] | None,
    saved_manifest_key: str | None,
) -> Restored:
    pin_formats(connection)
    if done := find_restore(connection, plan):
        return done
    # no constraint guards a link of these: none may be written between the look at them and the commit
    linked = {link.table for link in loaded.links if "." not in link.table}
    lock_live(connection, {*loaded.tables, *linked})
    require_approval(connection, plan, operators)
    read_shapes(connection, loaded.scope.tables.values())
    require_unchanged(compare(connection, loaded.tables, loaded.manifest.sha256), plan)
    require_references(connection, loaded.tables)
    restore_memory(connection, loaded.memory, loaded.tables)
    write_back(connection, loaded.tables)
    set_count = sum(advance_sequences(connection, table) for table in loaded.tables.values())
    log.info("Verified %d tables by their checksums, set %d sequences", len(loaded.tables), set_count)
    restore_publications(connection, loaded.manifest)
    record_restore(connection, plan, saved_manifest_key)
    done = find_restore(connection, plan)
    if done is None:
        raise RestoreRefused("The restore was not written to the journal; everything was rolled back.")
    return done


def require_unchanged(now: Comparison, plan: RestorePlan) -> None:
    """Raise `RestoreRefused` when the restore would undo anything else than what was shown and approved."""
    if now.digest == plan.digest:
        return
    moved = [
        f"{table} (now {_words(counts)}; shown {_words(plan.counts.get(table, {}))})"
        for table, counts in now.counts.items()
        if counts != plan.counts.get(table)
    ]
    where = "; ".join(moved) or "the same number of rows, but others"
    raise RestoreRefused(
        f"Live Nexus changed since it was compared with the backup, so other rows would be lost than were shown: "
        f"{where}. Live Nexus is unchanged. Compare again and decide again; stop the writing in Nexus before.",
        is_stale=True,
    )


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {action}" for action, count in counts.items() if count) or "none"
