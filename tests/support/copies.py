"""Runs that go on from a common start: a copy of a run, on a copy of its database, with a FileMaker of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.nexus.sql import include_folder, read_sql

from tests.support.installation import Installation, Parts, start_installation
from tests.support.runs import Run

CopyRun = Callable[..., AbstractContextManager[Run]]
"""`copy_run(mode="publish")` yields the copy."""
PARAMETERS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}


@contextmanager
def connected(installation: Installation, **roles: str) -> Iterator[None]:
    """Point Airflow's connections at the installation; `roles` as in `Installation.environment`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in installation.environment(**roles).items():
            patch.setenv(name, value)
        yield


@contextmanager
def start_run_past_gate_0(parts: Parts, dag: Any) -> Iterator[Run]:
    """Yield a run of the untouched clinic that has read FileMaker and passed gate 0."""
    with start_installation(parts) as installation, connected(installation):
        run = Run(installation, dag, dict(PARAMETERS)).go(until="phase_0_validate.gate")
        assert run.results["phase_0_validate.gate"] is True
        yield run


@contextmanager
def start_copy(parts: Parts, original: Run, mode: str = "publish") -> Iterator[Run]:
    """Yield a copy of the run, whose tasks may run here; FileMaker is as it was before any change."""
    with start_copy_elsewhere(parts, original, mode) as run, connected(run.installation):
        yield run


@contextmanager
def start_copy_elsewhere(parts: Parts, original: Run, mode: str = "publish") -> Iterator[Run]:
    """Yield a copy of the run, whose tasks are told in a process of their own where everything is."""
    with start_installation(parts, template=original.installation.database.database) as installation:
        yield replace(
            original,
            installation=installation,
            params=original.params | {"mode": mode},
            states=dict(original.states),
            results=dict(original.results),
            errors=dict(original.errors),
            tries=dict(original.tries),
        )


@contextmanager
def own_include(directory: Path, **policy: Any) -> Iterator[Path]:
    """Let the import read a copy of include/ whose policy differs; a mapping's keys are added to what is there."""
    folder = directory / "include"
    shutil.copytree(include_folder(), folder)
    path = folder / "policy.yaml"
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in policy.items():
        written[key] = written[key] | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXUS_IMPORT_INCLUDE", str(folder))
        read_sql.cache_clear()
        try:
            yield folder
        finally:
            read_sql.cache_clear()
