"""Retention: what only serves to look back or to go back is removed when the policy's days are over.

The newest good one of each kind is always kept, however old it is: the last backup of an import that is whole, the
last whole snapshot of each entity, the images of the last publish. A backup or snapshot loses its manifest first, so
that one that is half removed is never taken for a whole one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus import staging, working_copy
from nexus_import.nexus.backup import find_damage as find_backup_damage
from nexus_import.nexus.manifest import IMPORT, MANIFEST
from nexus_import.snapshot import find_damage as find_snapshot_damage
from nexus_import.storage import ListedObject, ObjectStore


@dataclass(frozen=True)
class RetentionDays:
    """Days for which each kind is kept."""

    backup: int
    snapshot: int
    working_copy: int
    undo: int


@dataclass
class _Folder:
    """The objects of one attempt of a backup or snapshot; of each `kind` the newest good one is kept."""

    path: str
    kind: str
    objects: list[ListedObject]

    @property
    def written_at(self) -> datetime:
        return max(entry.written_at for entry in self.objects)

    @property
    def manifest(self) -> ListedObject | None:
        return next((entry for entry in self.objects if entry.key.endswith(f"/{MANIFEST}")), None)


def remove_expired(
    connection: Connection[Any], store: ObjectStore, run_id: str, days: RetentionDays, now: datetime
) -> dict[str, int]:
    """Remove what is older than the policy's days; return how many of each kind went. Safe to repeat.

    Nothing of the run `run_id` itself is removed. `connection` is in a transaction.
    """
    return {
        "backups": _remove_folders(connection, store, run_id, "backup", now - timedelta(days=days.backup)),
        "snapshots": _remove_folders(connection, store, run_id, "snapshot", now - timedelta(days=days.snapshot)),
        "working_copies": _remove_working_copy(connection, run_id, now - timedelta(days=days.working_copy)),
        "staging_areas": _remove_staging(connection, run_id, now - timedelta(days=days.working_copy)),
        "plans": _remove_plan_rows(connection, run_id, now - timedelta(days=days.undo)),
    }


def _remove_folders(connection: Connection[Any], store: ObjectStore, run_id: str, table: str, limit: datetime) -> int:
    folders = _folders(store, f"{table}s", run_id)
    expired = [folder for folder in folders if folder.written_at < limit]
    if not expired:
        return 0
    digests = dict(
        connection.execute(
            sql.SQL("SELECT manifest_key, manifest_sha256 FROM nexus_import.{}").format(sql.Identifier(table))
        ).fetchall()
    )
    is_good = _is_good_backup if table == "backup" else _is_good_snapshot
    newest_good: dict[str, _Folder] = {}
    # by path as well: attempts of one run may have been written in one second
    for folder in sorted(folders, key=lambda folder: (folder.written_at, folder.path), reverse=True):
        if folder.kind not in newest_good and is_good(store, folder, digests):
            newest_good[folder.kind] = folder
    removed = [folder for folder in expired if newest_good.get(folder.kind) is not folder]
    for folder in removed:
        for entry in sorted(folder.objects, key=lambda entry: entry is not folder.manifest):
            store.remove(entry.key)
    return len(removed)


def _folders(store: ObjectStore, name: str, run_id: str) -> list[_Folder]:
    """Return the attempts below `<prefix>/<name>/<run>/`, but for those of the run itself."""
    top = store.key(name, "")
    objects: dict[str, list[ListedObject]] = defaultdict(list)
    for entry in store.list_objects(top):
        objects[entry.key.rpartition("/")[0]].append(entry)
    found = []
    for folder, entries in objects.items():
        run, *kind, _attempt = folder.removeprefix(top).split("/")
        if run != run_id:
            found.append(_Folder(folder, "/".join(kind), entries))
    return found


def _is_good_backup(store: ObjectStore, folder: _Folder, digests: dict[str, str]) -> bool:
    """Tell whether an import's backup is finished, as the journal knows it, and whole.

    What a restore saved first is a Nexus that somebody found broken: it is nothing to go back to.
    """
    manifest = folder.manifest
    if (
        manifest is None
        or manifest.key not in digests
        or find_backup_damage(store, manifest.key, digests[manifest.key])
    ):
        return False
    return bool(json.loads(store.get_bytes(manifest.key)).get("purpose", IMPORT) == IMPORT)


def _is_good_snapshot(store: ObjectStore, folder: _Folder, digests: dict[str, str]) -> bool:
    """Tell whether a snapshot is finished, as the journal knows it, and every page of it what was written."""
    manifest = folder.manifest
    return (
        manifest is not None
        and manifest.key in digests
        and find_snapshot_damage(store, manifest.key, digests[manifest.key]) is None
    )


def _remove_working_copy(connection: Connection[Any], run_id: str, limit: datetime) -> int:
    stamp = working_copy.read_stamp(connection)
    if stamp is None or stamp.run_id == run_id or stamp.copied_at >= limit:
        return 0
    working_copy.drop_copy(connection)
    connection.execute("DELETE FROM nexus_work.stamp")
    return 1


def _remove_staging(connection: Connection[Any], run_id: str, limit: datetime) -> int:
    row = connection.execute("SELECT to_regclass('nexus_staging.stamp') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return 0
    expired = connection.execute(
        "DELETE FROM nexus_staging.stamp WHERE run_id <> %s AND staged_at < %s", (run_id, limit)
    ).rowcount
    if expired:
        staging.drop_staging_tables(connection)
    return expired


def _remove_plan_rows(connection: Connection[Any], run_id: str, limit: datetime) -> int:
    """Remove the rows of old plans and the images of old publishes; counts, digests and times stay.

    The newest publish that changed a row stays, so that it can be undone.
    """
    plans = [
        plan_id
        for (plan_id,) in connection.execute(
            "SELECT plan_id FROM nexus_import.plan WHERE made_at < %s AND run_id <> %s AND plan_id IS DISTINCT FROM"
            " (SELECT plan_id FROM nexus_import.publication WHERE undone_at IS NULL AND EXISTS"
            "   (SELECT FROM nexus_import.before_image AS image WHERE image.plan_id = publication.plan_id)"
            "  ORDER BY published_at DESC LIMIT 1)"
            " AND EXISTS (SELECT FROM nexus_import.plan_row WHERE plan_row.plan_id = plan.plan_id)",
            (limit, run_id),
        )
    ]
    for table in ("plan_row", "plan_fate", "before_image", "memory_image"):
        connection.execute(
            sql.SQL("DELETE FROM nexus_import.{} WHERE plan_id = ANY(%s)").format(sql.Identifier(table)), (plans,)
        )
    return len(plans)
