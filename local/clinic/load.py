"""Puts a clinic into PostgreSQL: the schema of Nexus, then its rows."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from .copyfile import table_of

SCHEMA_DIRECTORY = Path(__file__).resolve().parent.parent / "nexus"
CHUNK_BYTES = 1 << 20


def create_schema(connection_uri_owner: str) -> None:
    """Create the tables of Nexus in `public`, in one transaction, as the role of the connection.

    Raises psycopg.errors.DuplicateTable when the schema is there already.
    """
    with psycopg.connect(connection_uri_owner) as connection:
        for path in sorted(SCHEMA_DIRECTORY.glob("*.sql")):
            connection.execute(path.read_text(encoding="utf-8").encode())


def load_nexus(connection_uri_owner: str, directory: Path) -> dict[str, int]:
    """Copy the live rows of the clinic in `directory` into an empty schema and return the counts by table.

    One transaction, then ANALYZE. Raises FileNotFoundError when the directory holds no clinic, and
    psycopg.Error when a row breaks a constraint; then nothing was loaded.
    """
    paths = sorted((directory / "nexus").glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"{directory} holds no clinic: make one with python -m local.clinic")
    counts = {}
    with psycopg.connect(connection_uri_owner) as connection, connection.cursor() as cursor:
        for path in paths:
            counts[table_of(path)] = _copy(cursor, path)
        _advance_identities(cursor)
    with psycopg.connect(connection_uri_owner, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return counts


def _copy(cursor: psycopg.Cursor, path: Path) -> int:
    with path.open("rb") as lines:
        columns = lines.readline().decode().strip().split(",")
        statement = sql.SQL("COPY public.{} ({}) FROM STDIN WITH (FORMAT csv)").format(
            sql.Identifier(table_of(path)), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(statement) as copy:
            while chunk := lines.read(CHUNK_BYTES):
                copy.write(chunk)
    return cursor.rowcount


def _advance_identities(cursor: psycopg.Cursor) -> None:
    """Move each identity sequence past the ids that were copied in, as the application expects."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_identity = 'YES'"
    )
    for table, column in cursor.fetchall():
        statement = sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), max({})) FROM public.{}").format(
            sql.Literal(f"public.{table}"),
            sql.Literal(column),
            sql.Identifier(column),
            sql.Identifier(table),
        )
        cursor.execute(statement)
