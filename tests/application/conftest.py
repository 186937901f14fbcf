"""Fixtures: a published run of each clinic, with the application running on what it published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.clinic import CONFIGURATION_OF_CLINIC, REFERENCE_CLINIC, SEED_CLINIC
from tests.application.serving import Application, start_application
from tests.support.copies import connected
from tests.support.installation import Installation, start_installation, start_parts
from tests.support.runs import Run

REFERENCE_SCALE = 0.02
PAGE_SIZE_RECORDS = 3
"""Small, so that every list has pages to follow: the clinics of the tests are small too."""
PARAMETERS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}


@dataclass(frozen=True)
class Served:
    """A published run and the application that shows it."""

    run: Run
    application: Application

    @property
    def installation(self) -> Installation:
        """The installation that the run published to."""
        return self.run.installation


@pytest.fixture(scope="session")
def served_seed(parts: Any, dag: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The seed clinic's first run, published, and the application on it; tests leave all as they found it."""
    yield from _serve(SEED_CLINIC, parts, dag, tmp_path_factory)


@pytest.fixture(scope="session")
def served_reference(dag: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same of the reference clinic."""
    with start_parts(tmp_path_factory.mktemp("reference"), REFERENCE_CLINIC, REFERENCE_SCALE) as parts:
        yield from _serve(REFERENCE_CLINIC, parts, dag, tmp_path_factory)


def _serve(kind: str, parts: Any, dag: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    parameters = PARAMETERS | {"configuration": CONFIGURATION_OF_CLINIC[kind] or "default"}
    directory = tmp_path_factory.mktemp("application")
    with (
        start_installation(parts) as installation,
        start_application(installation, directory, page_size=PAGE_SIZE_RECORDS) as application,
    ):
        with connected(installation):
            run = Run(installation, dag, parameters, answer="Approve").go()
        assert run.errors == {}
        yield Served(run, application)
