"""What PostgreSQL itself needs, whoever asks: COPY into the finished tables, and COPY of every table out of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
from psycopg import sql

from local.nexus_database import NexusDatabase

LOADED = ("patients", "appointments")
# what patients and appointments refer to
REFERRED = ("auth_user", "clinics", "clinicians", "appointment_types", "funding_sources", "companies")
BLOCK_BYTES = 1 << 20


class CopyLimit:
    """Binary files of the patients and appointments, and an empty Nexus that they are copied into."""

    def __init__(self, source: str, target: NexusDatabase, directory: Path) -> None:
        self._target = target.uri()
        self._files = {table: directory / f"{table}.bin" for table in (*REFERRED, *LOADED)}
        with psycopg.connect(source, autocommit=True) as connection:
            for table, path in self._files.items():
                _export(connection, table, path)
        with psycopg.connect(self._target) as connection:
            for table in REFERRED:
                _load(connection, table, self._files[table])

    def measure(self) -> float:
        """Return the seconds that one load takes, its commit and the foreign keys included."""
        with psycopg.connect(self._target) as connection:
            connection.execute("TRUNCATE patients, appointments CASCADE")
            connection.commit()
            begun = perf_counter()
            for table in LOADED:
                _load(connection, table, self._files[table])
            connection.commit()
            return perf_counter() - begun


def measure_copy_out(uri: str) -> float:
    """Return the seconds that COPY of every table of `public` to CSV takes in one snapshot; nothing is stored."""
    with psycopg.connect(uri) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall()
        begun = perf_counter()
        for (table,) in tables:
            for _ in _blocks(connection, sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER)").format(_name(table))):
                pass
        return perf_counter() - begun


def _name(table: str) -> sql.Identifier:
    return sql.Identifier("public", table)


def _export(connection: psycopg.Connection[Any], table: str, path: Path) -> None:
    with path.open("wb") as file:
        for block in _blocks(connection, sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(_name(table))):
            file.write(block)


def _blocks(connection: psycopg.Connection[Any], statement: sql.Composed) -> Iterator[Any]:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        yield from copy


def _load(connection: psycopg.Connection[Any], table: str, path: Path) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(_name(table))
    with connection.cursor() as cursor, path.open("rb") as file, cursor.copy(statement) as copy:
        while block := file.read(BLOCK_BYTES):
            copy.write(block)
