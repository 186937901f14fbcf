"""Fixtures of all tests: Airflow's settings, and installations on real parts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.trace import is_named, read_lines

STORIES = "tests/e2e/"
DEPLOYMENT = "tests/deployment/"
REPOSITORY = Path(__file__).resolve().parents[1]
# Airflow reads its settings when it is imported, which is before any fixture runs.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="nexus-import-airflow-")
os.environ |= {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}


class PartScheduling(LoadScopeScheduling):
    """Keeps together what shares servers, where the tests run in several processes.

    The stories of tests/e2e share one Airflow, and so do the tests of the deployment; elsewhere the tests of a file
    share what its fixtures started.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in (STORIES, DEPLOYMENT) if path.startswith(folder)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> PartScheduling:
    """Hand out whole parts."""
    return PartScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest part first: the others are done beside it."""
    items.sort(key=lambda item: not item.nodeid.startswith(STORIES))


class SkippedProof:
    """Turns a run red in which a test was skipped that docs/sequence.md names: a line would then be without proof."""

    def __init__(self) -> None:
        self.names = {name for line in read_lines() for name in line.proof}
        self.skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and is_named(report.nodeid, self.names):
            self.skipped.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for nodeid in sorted(self.skipped):
            terminalreporter.write_line(f"Skipped, and docs/sequence.md names it as a proof: {nodeid}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Watch over the proofs where the reports of all processes come together."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkippedProof())


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The shared PostgreSQL cluster, S3 server and clinic."""
    from tests.support.installation import start_parts

    with start_parts(tmp_path_factory.mktemp("parts")) as started:
        yield started


@pytest.fixture
def installation(parts: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Nexus, FileMaker and bucket as they were before any run, reachable through Airflow connections."""
    from tests.support.installation import start_installation

    with start_installation(parts) as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture(scope="session")
def dag() -> Any:
    """The DAG as Airflow parses it."""
    from tests.support.runs import load_dag

    return load_dag()


@pytest.fixture
def new_run(installation: Any, dag: Any) -> Callable[..., Any]:
    """Return a function that makes a run; parameters default to what the demo triggers."""
    from tests.support.runs import Run

    def make(mode: str = "publish", approval: str = "when_unusual", nexus_only: str = "keep", **named: Any) -> Run:
        return Run(installation, dag, {"mode": mode, "approval": approval, "nexus_only": nexus_only}, **named)

    return make


@pytest.fixture(scope="session")
def run_past_gate_0(parts: Any, dag: Any) -> Iterator[Any]:
    """A run of the untouched clinic that has read FileMaker and passed gate 0."""
    from tests.support.copies import start_run_past_gate_0

    with start_run_past_gate_0(parts, dag) as run:
        yield run


@pytest.fixture(scope="session")
def copy_run(parts: Any, run_past_gate_0: Any) -> Callable[..., Any]:
    """Return a function that starts a copy of that run: a context manager, on a database of its own."""
    from tests.support.copies import start_copy

    return lambda mode="publish": start_copy(parts, run_past_gate_0, mode)
