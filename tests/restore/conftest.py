"""Fixtures of the restore's tests.

Scenes with the synthetic clinic, scenes whose tables a test makes itself, and a clinic to which an import published.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.nexus.manual_run import ManualRun, start_run
from tests.restore.publishing import start_published
from tests.restore.scene import Scene, open_scene, start_bare
from tests.support.installation import start_installation


@pytest.fixture
def clinic(installation: Any) -> Iterator[Scene]:
    """The synthetic clinic as it was before any run."""
    with open_scene(installation) as scene:
        yield scene


@pytest.fixture(scope="session")
def bare_database(parts: Any) -> Iterator[str]:
    """The name of a database of Nexus's owner without any table."""
    with start_bare(parts) as installation:
        yield installation.database.database


@pytest.fixture
def bare(parts: Any, bare_database: str) -> Iterator[Scene]:
    """A Nexus without tables: the test makes its own, as the owner."""
    with start_installation(parts, bare_database) as installation, open_scene(installation) as scene:
        yield scene


@pytest.fixture(scope="module")
def shared_bare(parts: Any, bare_database: str) -> Iterator[Scene]:
    """As `bare`, for the many examples of one property."""
    with start_installation(parts, bare_database) as installation, open_scene(installation) as scene:
        yield scene


@pytest.fixture(scope="session")
def published_database(parts: Any) -> Iterator[str]:
    """The name of a database to which a run has published."""
    with start_published(parts) as name:
        yield name


@pytest.fixture
def published(parts: Any, published_database: str) -> Iterator[ManualRun]:
    """A run that has published: a patient less, a patient and two appointments changed, a note more."""
    with start_run(parts, published_database) as run:
        yield run
