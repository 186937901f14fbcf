"""Processes of the restore's command line, stopped where it hurts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from local.nexus_database import RESTORE_ROLE
from tests.restore.scene import Scene

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05
DONE = "nexus_import.restore"
"""Written at the end of the transaction that changes live Nexus."""
CLOSED = "nexus_import.restore_run"
"""Written after it."""


@contextmanager
def held(scene: Scene, table: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold up whoever writes to a table until the block ends, or the connection rolls back."""
    with scene.installation.database.cluster.connect(scene.installation.database.database) as connection:
        connection.autocommit = False
        connection.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
        yield connection
        connection.rollback()


def wait_for_writer(scene: Scene, table: str | None = None) -> int:
    """Wait until a process of the server waits for a lock, on the table if one is named; return its number."""
    deadline = time.monotonic() + WAIT_SECONDS
    query = (
        "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE NOT granted"
        " AND datname = current_database() AND (%s::text IS NULL OR relation = to_regclass(%s))"
    )
    while not (found := scene.installation.rows(query, table, table)):
        assert time.monotonic() < deadline, f"nobody came to {table}"
        time.sleep(POLL_SECONDS)
    return int(found[0][0])


def wait_for_nobody(scene: Scene) -> None:
    """Wait until the server has noticed that the restore's process is gone."""
    deadline = time.monotonic() + WAIT_SECONDS
    own = scene.connection.info.backend_pid
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND pid <> %s AND datname = current_database()"
    while scene.value(query, RESTORE_ROLE, own):
        assert time.monotonic() < deadline, "the connection of the killed process stayed"
        time.sleep(POLL_SECONDS)


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
