"""Before a restore: the backup loaded beside live Nexus, compared with it, and written down for a person to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.catalog_hazards import read_materialized_views
from nexus_import.nexus.links import Link
from nexus_import.nexus.manifest import Manifest
from nexus_import.nexus.restore.comparison import compare, write_differences
from nexus_import.nexus.restore.loading import LoadedTable, load_tables
from nexus_import.nexus.restore.memory import load_memory
from nexus_import.nexus.restore.records import RestorePlan, record_plan
from nexus_import.nexus.restore.references import name_dangling, require_references, unguarded_links
from nexus_import.nexus.restore.scope import Scope, ScopeName, find_scope
from nexus_import.nexus.restore.writing import read_triggers
from nexus_import.nexus.session import pin_formats
from nexus_import.storage import ObjectStore


@dataclass(frozen=True)
class Loaded:
    """A backup beside live Nexus in this session: its tables in scope, and what the import remembered then.

    `links` lead from tables outside to tables in scope, and no constraint guards them.
    """

    manifest: Manifest
    scope: Scope
    tables: dict[str, LoadedTable]
    memory: dict[str, LoadedTable] | None
    links: list[Link]


def load_backup(
    connection: Connection[Any],
    store: ObjectStore,
    manifest: Manifest,
    scope_name: ScopeName,
    policy: DataPolicy,
) -> Loaded:
    """Load the tables in scope into temporary tables, each checked; nothing of live Nexus is touched.

    Patient data are the tables of the working copy, as the `policy` declares them.

    Raises `BackupError` when an object is damaged, `RestoreRefused` when columns differ from today's.
    """
    scope = find_scope(connection, manifest, scope_name, policy)
    tables = load_tables(connection, store, scope.tables.values())
    links = unguarded_links(connection, tables, policy)
    return Loaded(manifest, scope, tables, load_memory(connection, store, manifest), links)


def plan_restore(
    connection: Connection[Any], store: ObjectStore, loaded: Loaded, run_id: str, differences_key: str
) -> RestorePlan:
    """Compare the loaded backup with live Nexus, write ids to S3 and the plan to the journal, and return it.

    Raises `RestoreRefused` when a foreign key would not hold after the restore.
    """
    with connection.transaction():
        pin_formats(connection)
        comparison = compare(connection, loaded.tables, loaded.manifest.sha256)
        require_references(connection, loaded.tables)
        notes = [
            *loaded.scope.notes(),
            *_notes(connection, loaded),
            *name_dangling(connection, loaded.tables, loaded.links),
        ]
        stored = write_differences(connection, store, differences_key, loaded.tables)
        plan = RestorePlan(
            run_id=run_id,
            digest=comparison.digest,
            counts=comparison.counts,
            notes=notes,
            scope=loaded.scope.name,
            manifest_key=loaded.manifest.key,
            manifest_sha256=loaded.manifest.sha256,
            differences_key=stored.key,
        )
        return record_plan(connection, plan)


def _notes(connection: Connection[Any], loaded: Loaded) -> list[str]:
    """Return what else a person must know before the rows of these tables are written."""
    notes = []
    for name, table in loaded.tables.items():
        for trigger in read_triggers(connection, table):
            notes.append(
                f"trigger {trigger} of {name} fires for every row that is written; what it does elsewhere is not "
                "undone by a restore"
            )
    for view, statement in read_materialized_views(connection, loaded.tables):
        notes.append(f"the materialized view {view} shows rows as they are now: run {statement} afterwards")
    if loaded.memory is None:
        notes.append(
            "the backup does not hold what the import remembered then: the next import treats clinical text of the "
            "restored rows as edited in Nexus, keeps it and reports it"
        )
    return notes
