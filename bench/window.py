"""What the application notices of a publish: a reader and a writer who ask all the time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any

import psycopg

PAUSE_SECONDS = 0.002
READ = (
    "SELECT (SELECT count(*) FROM patients WHERE id = %(patient)s),"
    " (SELECT count(*) FROM appointments WHERE patient_id = %(patient)s),"
    " (SELECT count(*) FROM documents_document WHERE object_id = %(patient)s)"
)
# a patient who is shown with both before and after; an appointment that no plan touches, so that none goes stale
FIND_PATIENT = (
    "SELECT patient_id FROM appointments JOIN documents_document ON object_id = patient_id"
    " JOIN patients ON patients.id = patient_id WHERE patients.filemaker_metadata ? 'filemaker_id'"
    " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
)
FIND_WRITTEN = (
    "SELECT id FROM appointments AS live WHERE NOT EXISTS (SELECT FROM nexus_import.plan_row AS planned"
    " WHERE planned.row_id = live.id) ORDER BY id LIMIT 1"
)
WRITE = "UPDATE appointments SET sms_confirmed = NOT sms_confirmed WHERE id = %s"


@dataclass
class Window:
    """Milliseconds: the longest wait of a read and of a write, and how long reads showed too little."""

    reader_wait_ms: float = 0.0
    reader_gap_ms: float = 0.0
    writer_wait_ms: float = 0.0
    reads: int = 0
    writes: int = 0


class Watch:
    """Polls the database at `uri`, as Nexus's own role, from `start` to `stop`.

    What to poll is looked up at `all_seeing_uri`: Nexus itself may not read the import's plan.
    """

    def __init__(self, uri: str, all_seeing_uri: str) -> None:
        self.window = Window()
        self._uri, self._all_seeing_uri = uri, all_seeing_uri
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._read, self._write)]
        self._errors: list[BaseException] = []
        self._ready = threading.Barrier(3)

    def start(self) -> None:
        """Begin, and return when both have asked once."""
        with psycopg.connect(self._all_seeing_uri) as connection:
            self._patient = _first(connection, FIND_PATIENT)
            self._written = _first(connection, FIND_WRITTEN)
        for thread in self._threads:
            thread.start()
        self._ready.wait(60)

    def stop(self) -> Window:
        """End, and return what was noticed; raises what the reader or the writer met."""
        self._ended.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        if self._errors:
            raise self._errors[0]
        return self.window

    def _read(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            wrong_since: float | None = None

            def look() -> bool:
                row = connection.execute(READ, {"patient": self._patient}).fetchone()
                return bool(row and all(row))

            look()
            self._ready.wait(60)
            while not self._ended.is_set():
                begun = perf_counter()
                is_right = look()
                ended = perf_counter()
                self.window.reads += 1
                self.window.reader_wait_ms = max(self.window.reader_wait_ms, (ended - begun) * 1000)
                if not is_right:
                    wrong_since = wrong_since or begun
                if wrong_since:
                    self.window.reader_gap_ms = max(self.window.reader_gap_ms, (ended - wrong_since) * 1000)
                    wrong_since = None if is_right else wrong_since
                sleep(PAUSE_SECONDS)

    def _write(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(WRITE, (self._written,))
            self._ready.wait(60)
            while not self._ended.is_set():
                begun = perf_counter()
                try:
                    connection.execute(WRITE, (self._written,))
                except psycopg.Error as error:
                    self._errors.append(error)
                    return
                self.window.writes += 1
                self.window.writer_wait_ms = max(self.window.writer_wait_ms, (perf_counter() - begun) * 1000)
                sleep(PAUSE_SECONDS)


def _first(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise SystemExit("The clinic is too small for the bench: no patient with appointments and documents.")
    return row[0]
