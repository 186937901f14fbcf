"""A journal of many runs, shared by tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

RUNS, FINDINGS = 200, 50_000


@pytest.fixture(scope="session")
def filled(parts: Any) -> Iterator[Any]:
    """An installation whose journal has 200 runs and 50,000 findings, reachable through Airflow connections."""
    from nexus_import.nexus.journal import create_journal

    from bench.journal_filler import fill
    from tests.support.copies import connected
    from tests.support.installation import start_installation

    with start_installation(parts) as installation:
        with installation.importer() as connection, connection.transaction():
            create_journal(connection)
            fill(connection, RUNS, FINDINGS, plan_rows=6_000)
        with connected(installation):
            yield installation
