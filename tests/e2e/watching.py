"""What happens beside a run: somebody reads live Nexus all the time, and tasks are held up where they write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from tests.e2e.import_run import ImportRun
from tests.e2e.world import POLL_SECONDS, World

READ_PAUSE_SECONDS = 0.002
HOLD_SECONDS = 120.0


class Reader:
    """Counts live patients and appointments in one statement, over and over, as the calendar of a practice does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopped = threading.Event()
        self.seen: set[tuple[int, int]] = set()
        self.read_count = 0
        self.errors: list[str] = []

    def read(self) -> None:
        """Read until stopped."""
        try:
            with psycopg.connect(self._world.nexus.uri(), autocommit=True) as connection:
                while not self._stopped.wait(READ_PAUSE_SECONDS):
                    counts = connection.execute(
                        "SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM appointments)"
                    ).fetchall()
                    self.seen.add(counts[0])
                    self.read_count += 1
        except psycopg.Error as error:
            self.errors.append(type(error).__name__)

    def stop(self) -> None:
        """Let the reading end."""
        self._stopped.set()


@contextmanager
def reading(world: World) -> Iterator[Reader]:
    """Read live Nexus in a thread of its own while the block runs."""
    reader = Reader(world)
    thread = threading.Thread(target=reader.read, name="reader of Nexus")
    thread.start()
    try:
        yield reader
    finally:
        reader.stop()
        thread.join()


class HeldTable:
    """Holds up whoever writes to a table of the journal; readers pass.

    PostgreSQL serves a lock's queue in order: when the lock is let go and asked for again at once, exactly those
    who waited get through.
    """

    def __init__(self, world: World, connection: psycopg.Connection[Any], table: str) -> None:
        self._world = world
        self._connection = connection
        self._table = table

    def let_through(self) -> None:
        """Let those who wait now write and commit, and hold up the next ones."""
        self._connection.commit()
        self._take()

    def wait_for(self, run: ImportRun, task_id: str) -> None:
        """Let one task after the other through until `task_id` waits here in its transaction."""
        deadline = time.monotonic() + HOLD_SECONDS
        while True:
            if self.waiting_count():
                if run.running() == {task_id}:
                    return
                self.let_through()
            assert time.monotonic() < deadline, f"{task_id} did not come to {self._table}; running: {run.running()}"
            time.sleep(POLL_SECONDS)

    def waiting_count(self) -> int:
        """Return how many connections wait for the table."""
        rows = self._world.rows(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass(%s)", self._table
        )
        return int(rows[0][0])

    def _take(self) -> None:
        self._connection.execute(f"LOCK TABLE {self._table} IN SHARE MODE".encode())


@contextmanager
def held(world: World, table: str) -> Iterator[HeldTable]:
    """Hold up writers of a table until the block ends."""
    with world.connect() as connection:
        connection.autocommit = False
        held_table = HeldTable(world, connection, table)
        held_table.let_through()
        try:
            yield held_table
        finally:
            # a story may have killed the server meanwhile
            with suppress(psycopg.OperationalError):
                connection.rollback()
