"""One simulator for the comparison; python-fmrest insists on TLS, so all three speak it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import Simulator
from tests.filemaker.certificates import make_certificate
from tests.filemaker.comparison.bench import Bench
from tests.filemaker.comparison.clinic import DATA_SET


@pytest.fixture(scope="session")
def comparison_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def comparison_simulator(comparison_certificate: tuple[Path, Path]) -> Iterator[Simulator]:
    with Simulator.from_dataset(copy.deepcopy(DATA_SET), tls_files=comparison_certificate) as running:
        yield running


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, comparison_simulator: Simulator, comparison_certificate: tuple[Path, Path]
) -> Iterator[Bench]:
    """The place of the client that the test is parametrised with."""
    comparison_simulator.control.reset()
    yield Bench(request.param, comparison_simulator, comparison_certificate[0])
    comparison_simulator.control.reset()
