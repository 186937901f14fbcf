"""A running simulator of the tiny clinic, and a client of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from local.simulator import Simulator
from tests.simulator.tiny_clinic import CLINIC, DataApiClient, outcome


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """One simulator for the whole folder."""
    with Simulator.from_dataset(copy.deepcopy(CLINIC)) as running:
        yield running


@pytest.fixture
def simulator(running_simulator: Simulator) -> Iterator[Simulator]:
    """The simulator as it was started."""
    yield running_simulator
    running_simulator.control.reset()


@pytest.fixture
def client(simulator: Simulator) -> Iterator[DataApiClient]:
    """A client that has logged in."""
    made = DataApiClient(simulator)
    assert outcome(made.log_in()) == (200, "0")
    with made.http:
        yield made
