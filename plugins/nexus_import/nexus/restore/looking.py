"""After a restore: the look at live Nexus, where the practice may be at work again."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.restore.loading import POSITION
from nexus_import.nexus.restore.planning import Loaded
from nexus_import.nexus.restore.records import Restored
from nexus_import.nexus.session import pin_formats


def count_unlike(connection: Connection[Any], loaded: Loaded, restored: Restored) -> tuple[dict[str, int], int]:
    """Look at live Nexus after the commit: rows per table that are wrong, and rows written by others since.

    A row that differs from the backup and was last written by a transaction younger than the restore is somebody's
    work since. One that is missing cannot be told from one that was lost, and counts as wrong.
    """
    wrong: dict[str, int] = {}
    written_since = 0
    with connection.transaction():
        pin_formats(connection)
        for name, table in loaded.tables.items():
            if not table.shape.key:
                continue
            row = connection.execute(
                sql.SQL(
                    "SELECT count(*) FILTER (WHERE NOT is_younger), count(*) FILTER (WHERE is_younger) FROM ("
                    " SELECT COALESCE(age(present.xmin) < age(restored.transaction_id::xid), false) AS is_younger"
                    "  FROM nexus_import.restore AS restored,"
                    "   {live} AS present FULL JOIN {rows} AS former ON {same_key}"
                    "  WHERE restored.restore_id = {restore_id}"
                    "   AND (former.{position} IS NULL OR present.tableoid IS NULL OR {differs})) AS unlike"
                ).format(
                    live=table.shape.own_rows,
                    rows=table.rows,
                    same_key=table.same_key(),
                    restore_id=sql.Literal(restored.restore_id),
                    position=POSITION,
                    differs=table.differs(),
                )
            ).fetchone()
            if row and row[0]:
                wrong[name] = row[0]
            written_since += row[1] if row else 0
    return wrong, written_since
