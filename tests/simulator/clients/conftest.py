"""A simulator over TLS with a certificate of its own, one over plain HTTP, and every public client on them."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Simulator
from tests.filemaker.certificates import make_certificate
from tests.simulator.clients.clinic import CLINIC
from tests.simulator.clients.common import PublicClient
from tests.simulator.clients.fmdata_client import Fmdata
from tests.simulator.clients.node_client import (
    NodeClient,
    NodeProcess,
    fill_working_directory,
    installed_packages,
    missing_program,
)
from tests.simulator.clients.python_fmrest import PythonFmrest

PYTHON_CLIENTS: dict[str, Callable[..., PublicClient]] = {"python-fmrest": PythonFmrest, "fmdata": Fmdata}
NODE_CLIENTS = {"fm-data-api-client": "soliant", "@proofgeist/fmdapi": "proofgeist", "fms-api-client": "luidog"}
CLIENTS = (*PYTHON_CLIENTS, *NODE_CLIENTS)

OpenClient = Callable[..., Any]
StartNode = Callable[..., NodeProcess]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def tls_simulator(certificate: tuple[Path, Path]) -> Iterator[Simulator]:
    """One simulator for the whole folder."""
    with Simulator.from_dataset(copy.deepcopy(CLINIC), tls_files=certificate) as running:
        yield running


@pytest.fixture
def simulator(tls_simulator: Simulator) -> Iterator[Simulator]:
    """The simulator as it was started."""
    tls_simulator.control.reset()
    yield tls_simulator
    tls_simulator.control.reset()


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The directory with the clients of npm; a reason to skip, or to fail, is found once."""
    if missing := missing_program():
        pytest.skip(f"{missing} is not installed")
    return installed_packages()


@pytest.fixture(scope="session")
def start_node(
    node_packages: Path, tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]
) -> Iterator[StartNode]:
    """Return a function that gives the process of one of npm's clients; it trusts the certificate.

    A process is used by one test after the other, unless a fresh one is asked for.
    """
    running: dict[str, NodeProcess] = {}
    with contextlib.ExitStack() as stack:

        def start(client: str, *, is_fresh: bool = False) -> NodeProcess:
            if is_fresh or client not in running:
                script = NODE_CLIENTS[client]
                directory = tmp_path_factory.mktemp(script)
                fill_working_directory(directory, node_packages)
                running[client] = stack.enter_context(NodeProcess(script, directory, ca_file=str(certificate[0])))
            return running[client]

        yield start


@pytest.fixture
def open_client(certificate: tuple[Path, Path], request: pytest.FixtureRequest) -> OpenClient:
    """Return a function that opens a public client on a simulator; options override what it logs in with."""

    def open_on(name: str, simulator: Simulator, *, is_fresh: bool = False, **options: Any) -> PublicClient:
        account = {
            "url": simulator.url,
            "database": simulator.database,
            "user": simulator.user,
            "password": simulator.password,
        } | options
        if name in PYTHON_CLIENTS:
            return PYTHON_CLIENTS[name](**{"ca_file": str(certificate[0])} | account)
        start_node: StartNode = request.getfixturevalue("start_node")
        return NodeClient(start_node(name, is_fresh=is_fresh), **account)

    return open_on


@pytest.fixture(params=CLIENTS)
def client_name(request: pytest.FixtureRequest) -> str:
    """The name of each public client."""
    return str(request.param)


@pytest.fixture
def client(client_name: str, simulator: Simulator, open_client: OpenClient) -> Iterator[PublicClient]:
    """Each public client, logged in with its first call at the latest; it leaves no session behind."""
    opened: PublicClient = open_client(client_name, simulator)
    yield opened
    opened.log_out()
    state = simulator.control.state()
    assert state["logins_made"] > 0
    assert state["sessions_open"] == 0
