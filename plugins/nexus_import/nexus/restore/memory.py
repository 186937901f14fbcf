"""What the import remembers of earlier runs, put back with the rows it speaks of.

The digests of `published_row` say what FileMaker said when a row was last published. If they stayed as they are,
every row that a restore puts back would look as if staff had edited it, and the next import would keep it so for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import RestoreRefused
from nexus_import.nexus.backup import MEMORY_TABLES
from nexus_import.nexus.manifest import Manifest
from nexus_import.nexus.restore.loading import LoadedTable, load_tables
from nexus_import.nexus.restore.writing import write_back
from nexus_import.storage import ObjectStore


def load_memory(connection: Connection[Any], store: ObjectStore, manifest: Manifest) -> dict[str, LoadedTable] | None:
    """Load what the import remembered then; None when the backup has none of it, or in another form than today's."""
    if set(manifest.memory) != set(MEMORY_TABLES):
        return None
    try:
        return load_tables(connection, store, manifest.memory.values(), "memory")
    except RestoreRefused:
        return None


def restore_memory(
    connection: Connection[Any], memory: Mapping[str, LoadedTable] | None, loaded: Mapping[str, LoadedTable]
) -> None:
    """Make the import remember what it did when the backup was taken; called before the rows are written.

    Where the backup does not hold that, the import forgets the rows that the restore touches: their clinical text
    then counts as edited in Nexus, and is kept and reported rather than overwritten.
    """
    if memory is not None:
        write_back(connection, memory)
        return
    for name, table in loaded.items():
        if table.shape.key != ("id",) or not _has_uuid(table):
            continue
        connection.execute(
            sql.SQL(
                "DELETE FROM nexus_import.published_row AS known WHERE known.table_name = {name} AND NOT EXISTS"
                " (SELECT FROM {live} AS present JOIN {rows} AS former ON {same_key}"
                "  WHERE present.id = known.row_id AND NOT ({differs}))"
            ).format(
                name=sql.Literal(name),
                live=table.shape.own_rows,
                rows=table.rows,
                same_key=table.same_key(),
                differs=table.differs(),
            )
        )
        connection.execute(
            sql.SQL(
                "DELETE FROM nexus_import.identity AS known USING {live} AS present WHERE known.nexus_id = present.id"
                " AND NOT EXISTS (SELECT FROM {rows} AS former WHERE former.id = present.id)"
            ).format(live=table.shape.own_rows, rows=table.rows)
        )


def restore_publications(connection: Connection[Any], manifest: Manifest) -> None:
    """Let the journal say which publishes live Nexus holds after the restore: those that the backup holds.

    The others count as undone by it: they are neither recognised as done when their task is cleared, nor undone once
    more. Of a backup that this journal did not take it cannot know any.
    """
    known = connection.execute("SELECT 1 FROM nexus_import.backup WHERE manifest_key = %s", (manifest.key,)).fetchone()
    if manifest.publications is None:
        held = connection.execute(
            "SELECT plan_id FROM nexus_import.publication WHERE published_at < %s"
            " AND (undone_at IS NULL OR undone_at > %s)",
            (manifest.taken_at, manifest.taken_at),
        ).fetchall()
        plans = [plan_id for (plan_id,) in held]
    else:
        plans = list(manifest.publications)
    if not known:
        plans = []
    connection.execute(
        "UPDATE nexus_import.publication SET undone_at = clock_timestamp(), undone_by = %s"
        " WHERE undone_at IS NULL AND NOT plan_id = ANY(%s)",
        (f"the restore of backup {manifest.name}", plans),
    )
    connection.execute(
        "UPDATE nexus_import.publication SET undone_at = NULL, undone_by = NULL"
        " WHERE undone_at IS NOT NULL AND plan_id = ANY(%s)",
        (plans,),
    )


def _has_uuid(table: LoadedTable) -> bool:
    return any(column.name == "id" and column.type == "uuid" for column in table.shape.columns)
