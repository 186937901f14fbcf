"""Fixtures of the fault tests: a run that has a plan, and copies of it to be killed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

APPROVE = "publish.approve_plan"


@pytest.fixture(scope="session")
def run_with_plan(copy_run: Any) -> Iterator[Any]:
    """A run of the untouched clinic that has its plan: rows are added, changed and, for one note, removed."""
    with copy_run() as run:
        run.go(until="phase_8_validate.gate")
        with run.installation.importer() as connection:
            connection.execute("DELETE FROM nexus_work.notes WHERE id = (SELECT min(id::text)::uuid FROM notes)")
        # which a person is asked about
        run.answer = "Approve"
        run.go(until=APPROVE)
        assert run.results["publish.make_plan"]["removed_count"] == 1
        assert run.results[APPROVE] is True
        yield run


@pytest.fixture
def planned_run(parts: Any, run_with_plan: Any) -> Iterator[Any]:
    """A copy of that run, on a copy of its database."""
    from tests.support.copies import start_copy

    with start_copy(parts, run_with_plan) as run:
        yield run


@pytest.fixture(scope="session")
def published(parts: Any, run_with_plan: Any) -> dict[str, str]:
    """What live Nexus holds after that run's plan was published, but for the time when rows were written."""
    from tests.support.copies import start_copy

    with start_copy(parts, run_with_plan) as run:
        run.go(until="publish.verify_live")
        digests: dict[str, str] = run.installation.live(without_times=True)
        return digests


@pytest.fixture(scope="session")
def clinic_published(parts: Any, run_past_gate_0: Any) -> dict[str, str]:
    """What live Nexus holds after a run of the untouched clinic was published, but for the time of writing."""
    from tests.support.copies import start_copy

    with start_copy(parts, run_past_gate_0) as run:
        run.go(until="publish.verify_live")
        digests: dict[str, str] = run.installation.live(without_times=True)
        return digests


@pytest.fixture
def new_run_beside(dag: Any) -> Any:
    """Return a function that makes another run in the installation of a run."""
    from tests.support.copies import PARAMETERS
    from tests.support.runs import Run

    return lambda run: Run(run.installation, dag, dict(PARAMETERS))
