"""Fixtures of the database tests: a run moved by hand, whose working copy was made from a clinic with known rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def stage(parts: Any) -> Iterator[str]:
    """The name of a database in which the working copy of `manual_run.STAGE_RUN` was made."""
    from tests.nexus.manual_run import make_stage
    from tests.support.installation import start_installation

    with start_installation(parts) as installation:
        make_stage(installation)
        yield installation.database.database


@pytest.fixture
def run(parts: Any, stage: str) -> Iterator[Any]:
    """A run whose working copy was made and not yet worked on."""
    from tests.nexus.manual_run import start_run

    with start_run(parts, stage) as made:
        yield made


@pytest.fixture(scope="module")
def _shared_run(parts: Any, stage: str) -> Iterator[Any]:
    from tests.nexus.manual_run import start_run

    with start_run(parts, stage) as made:
        yield made


@pytest.fixture
def undone(_shared_run: Any) -> Iterator[Any]:
    """A run as `run`, for a test that stays on the run's own connection: all it does is rolled back."""
    with _shared_run.connection.transaction(force_rollback=True):
        yield _shared_run


@pytest.fixture(scope="module")
def planned(parts: Any, stage: str) -> Iterator[Any]:
    """A run with a plan, shared by tests that leave live Nexus and journal as they found them."""
    from tests.nexus.manual_run import start_run

    with start_run(parts, stage) as made:
        made.edit()
        made.plan()
        yield made


@pytest.fixture
def filemaker(parts: Any) -> Any:
    """The clinic's FileMaker records, in memory."""
    from tests.nexus.quick_run import FileMaker

    return FileMaker(parts)


@pytest.fixture
def quick_run(installation: Any, dag: Any, filemaker: Any) -> Any:
    """Return a function that makes a run which reads `filemaker`, in a Nexus that saw none yet."""
    from tests.nexus.quick_run import make_quick_run

    return lambda **named: make_quick_run(installation, dag, filemaker, **named)


@pytest.fixture(scope="session")
def first_run(parts: Any, dag: Any) -> Iterator[Any]:
    """The first run of the untouched clinic, published; its installation stays as it left it."""
    from tests.nexus.quick_run import LAST_TASK, FileMaker, make_quick_run
    from tests.support.copies import connected
    from tests.support.installation import start_installation

    with start_installation(parts) as installation:
        with connected(installation):
            run = make_quick_run(installation, dag, FileMaker(parts)).go(until=LAST_TASK)
        yield run


@pytest.fixture
def imported(parts: Any, first_run: Any) -> Iterator[Any]:
    """An installation after its first run, reachable through Airflow connections."""
    from tests.support.copies import connected
    from tests.support.installation import start_installation

    with start_installation(parts, first_run.installation.database.database) as installation, connected(installation):
        yield installation


@pytest.fixture
def next_run(imported: Any, dag: Any, filemaker: Any) -> Any:
    """Return a function that makes a further run which reads `filemaker`."""
    from tests.nexus.quick_run import make_quick_run

    return lambda **named: make_quick_run(imported, dag, filemaker, **named)


@pytest.fixture
def newcomer(run: Any) -> Any:
    """A run that published a new patient with a note."""
    from tests.nexus.undoing import add_newcomer

    add_newcomer(run)
    run.plan()
    run.publish()
    return run
