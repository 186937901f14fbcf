"""Fixtures of the restore's tests: scenes with the synthetic clinic, and scenes whose tables a test makes itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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
