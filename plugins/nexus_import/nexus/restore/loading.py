"""The backup beside live Nexus: each table's rows in a temporary table of this session, of the same columns.

Nothing of live Nexus is touched or locked by it. `POSITION` keeps the order of the rows, so that what live Nexus
holds after the restore can be written in that order and compared with the backup's checksum.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import BackupError, RestoreRefused
from nexus_import.nexus.backup import as_csv
from nexus_import.nexus.manifest import SavedTable
from nexus_import.nexus.restore.objects import read_csv
from nexus_import.nexus.restore.scope import read_shapes
from nexus_import.nexus.session import pin_formats
from nexus_import.nexus.shapes import Shape
from nexus_import.nexus.sql import names
from nexus_import.storage import ObjectStore

log = logging.getLogger(__name__)

POSITION = sql.Identifier("nexus_restore_position")


@dataclass(frozen=True)
class LoadedTable:
    """One table of the backup: what the manifest says, what Nexus has now, and where its rows are in this session.

    In SQL `present` is a live row and `former` one of the backup.
    """

    saved: SavedTable
    shape: Shape
    rows: sql.Identifier

    @property
    def saved_columns(self) -> list[str]:
        """The columns in the order of the backup."""
        return [column.name for column in self.saved.columns]

    def same_key(self) -> sql.Composed:
        """Return the condition that `present` and `former` have one key; only for tables with a primary key."""
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("present", column), sql.Identifier("former", column))
            for column in self.shape.key
        )

    def row_of(self, alias: str) -> sql.Composed:
        """Return all stored columns of `present` or `former` as one value."""
        columns = sql.SQL(", ").join(sql.Identifier(alias, column) for column in self.shape.stored)
        return sql.SQL("ROW({})").format(columns)

    def differs(self) -> sql.Composed:
        """Return the condition that the two rows differ in any byte: 1.0 is not 1.00, and -0 is not 0."""
        return sql.SQL("pg_catalog.record_image_ne({}, {})").format(self.row_of("present"), self.row_of("former"))


def load_tables(
    connection: Connection[Any], store: ObjectStore, tables: Iterable[SavedTable], prefix: str = "backup"
) -> dict[str, LoadedTable]:
    """Load the tables' rows into temporary tables; those of an earlier load with the same `prefix` go.

    Raises `RestoreRefused` when columns differ, `BackupError` when an object is damaged or its rows are not what the
    manifest counts. `connection` must not be in a transaction.
    """
    tables = list(tables)
    with connection.transaction():
        pin_formats(connection)
        shapes = read_shapes(connection, tables)
        loaded = {}
        for number, saved in enumerate(tables):
            place = sql.Identifier("pg_temp", f"{prefix}_{number:04d}")
            loaded[saved.name] = LoadedTable(saved, shapes[saved.name], place)
            _load(connection, store, loaded[saved.name])
    _require_own_session(connection, list(loaded.values()))
    return loaded


def _require_own_session(connection: Connection[Any], tables: list[LoadedTable]) -> None:
    """Raise `RestoreRefused` when the next transaction does not see what the last one loaded: a pooler is between."""
    for table in tables:
        query = sql.SQL("SELECT to_regclass({})").format(sql.Literal(table.rows.as_string(connection)))
        row = connection.execute(query).fetchone()
        if row is None or row[0] is None:
            raise RestoreRefused(
                "The restore's connection goes through a pooler that gives each transaction another session "
                "(PgBouncer, pool_mode = transaction), and a restore keeps the backup in its session. Nothing was "
                "changed. Let the connection name PostgreSQL's own host and port (docs/operations.md, PgBouncer), then "
                "clear compare.compare_with_live with downstream."
            )


def _load(connection: Connection[Any], store: ObjectStore, table: LoadedTable) -> None:
    saved = table.saved
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table.rows))
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}, {} bigint GENERATED ALWAYS AS IDENTITY)").format(
            table.rows, table.shape.identifier, POSITION
        )
    )
    cursor = connection.cursor()
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER MATCH)")
    with cursor.copy(statement.format(table.rows, names(table.saved_columns))) as copy:
        for block in read_csv(store, saved):
            copy.write(block)
    if cursor.rowcount != saved.row_count:
        raise BackupError(
            f"The backup's object of {saved.name} holds {cursor.rowcount:,} rows instead of {saved.row_count:,}. "
            "Nothing was changed. Choose another backup."
        )
    connection.execute(sql.SQL("ANALYZE {}").format(table.rows))
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(names(table.saved_columns), table.rows, POSITION)
    if checksum_of(connection, query) != saved.csv_sha256:
        raise BackupError(
            f"This server does not write the rows of {saved.name} as the one of the backup did: a column's type, "
            "or the server's version, means something else now. Nothing was changed."
        )
    log.info("Loaded %s: %s rows", saved.name, f"{saved.row_count:,}")


def checksum_of(connection: Connection[Any], query: sql.Composable) -> str:
    """Return the SHA-256 of a query's rows, written as a backup writes them."""
    digest = hashlib.sha256()
    with connection.cursor().copy(as_csv(query)) as copy:
        for block in copy:
            digest.update(block)
    return digest.hexdigest()
