"""Counts of findings, remembered until a check runs again: a page that refreshes itself asks for the same each time."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from psycopg import Connection

from nexus_import.nexus.report_pages import FindingGroup, count_findings

MAX_RUNS = 64


class FindingCounts:
    """Counts by run, each good for as long as no check's result in the journal is another one than it was then.

    Findings are written and removed together with the result of their check, in one transaction.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[Any, ...], list[FindingGroup]] = OrderedDict()
        self._lock = Lock()

    def of_run(self, connection: Connection[Any], run_id: str) -> list[FindingGroup]:
        """Return the run's findings, counted by all that they are filtered by."""
        state = connection.execute(
            "SELECT count(*), max(checked_at), current_database(), inet_server_port() FROM nexus_import.check_result"
        ).fetchone()
        key = (run_id, *(state or ()))
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
        groups = count_findings(connection, run_id)
        with self._lock:
            self._counts[key] = groups
            while len(self._counts) > MAX_RUNS:
                self._counts.popitem(last=False)
        return groups
