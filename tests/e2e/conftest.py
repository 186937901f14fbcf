"""One whole stack for all stories, and a fresh world for each module that tells one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.e2e.import_run import DAG_ID, ImportRun
from tests.e2e.world import World
from tests.support.copies import own_include

SCALE = 0.02
SEED = 11
REMINDED_AFTER_HOURS = 0.02


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All parts with a small clinic; the DAG is known and switched on.

    It reads a copy of include/, in which a person is reminded soon.
    """
    with (
        own_include(tmp_path_factory.mktemp("decided"), approval_reminder_hours=REMINDED_AFTER_HOURS),
        Stack(tmp_path_factory.mktemp("stack"), scale=SCALE, seed=SEED, environment={}) as started,
    ):
        started.airflow.wait_for_dag(DAG_ID)
        yield started


@pytest.fixture(scope="package")
def delivered(stack: Stack) -> World:
    """The world at its beginning, with the DAG switched on and its missed slot behind it."""
    world = World(stack)
    world.keep_beginning()
    world.client.unpause(DAG_ID)
    return world


@pytest.fixture(scope="module")
def fresh(delivered: World) -> World:
    """Nexus and FileMaker as they were delivered; nothing runs."""
    for run in delivered.client.runs(DAG_ID):
        ImportRun(delivered.client, run["dag_run_id"]).wait()
    delivered.reset()
    return delivered
