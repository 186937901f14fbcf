"""Every public client logs in, loses its session and logs out as on a server."""

from __future__ import annotations

import copy

import certifi
import pytest

from local.simulator import Simulator
from tests.simulator.clients.clinic import CLINIC, PEOPLE
from tests.simulator.clients.common import PublicClient, Refused
from tests.simulator.clients.conftest import CLIENTS, OpenClient

IDLE_SECONDS = 15 * 60 + 1
PARALLEL_CALLS = 4

LOGIN_ERROR_OF = {
    "python-fmrest": "FileMakerError",
    "fmdata": "LoginFailedException",
    "fm-data-api-client": "FileMakerError",
    "@proofgeist/fmdapi": "FileMakerError",
    "fms-api-client": "Object",
}


def sessions_open(simulator: Simulator) -> int:
    return int(simulator.control.state()["sessions_open"])


def test_one_session_for_all_calls(client: PublicClient, simulator: Simulator) -> None:
    client.layouts()
    client.page(PEOPLE, limit=1)
    client.find(PEOPLE, [{"id": "*"}])
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 1)


@pytest.mark.parametrize(
    ("account", "code"),
    [({"password": "wrong"}, "212"), ({"user": "nobody"}, "212"), ({"database": "Elsewhere"}, "802")],
)
def test_a_refused_log_in(
    account: dict[str, str], code: str, client_name: str, simulator: Simulator, open_client: OpenClient
) -> None:
    with pytest.raises(Refused) as refused:
        open_client(client_name, simulator, **account).page(PEOPLE)
    assert (refused.value.kind, refused.value.code) == (LOGIN_ERROR_OF[client_name], code)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (0, 0)
    assert state["logins_refused"] > 0


def test_a_server_at_its_capacity(client_name: str, simulator: Simulator, open_client: OpenClient) -> None:
    simulator.control.set_faults(session_cap=0)
    with pytest.raises(Refused) as refused:
        open_client(client_name, simulator).page(PEOPLE)
    assert (refused.value.kind, refused.value.code) == (LOGIN_ERROR_OF[client_name], "812")


# What each does by itself about a session that ended: python-fmrest only when asked to, fm-data-api-client not at
# all (soliantconsulting/fm-data-api-client#7), fms-api-client with the call after the one that failed.
LOGS_IN_AGAIN = {"fmdata", "@proofgeist/fmdapi"}


@pytest.mark.parametrize("is_killed", [False, True], ids=["expired", "killed"])
def test_a_session_that_ended(is_killed: bool, client_name: str, simulator: Simulator, open_client: OpenClient) -> None:
    # Handlers of calls that succeeded stay in the process of fms-api-client, and take the errors of later clients.
    client = open_client(client_name, simulator, is_fresh=client_name == "fms-api-client")
    client.page(PEOPLE, limit=1)
    if is_killed:
        simulator.control.kill_tokens()
    else:
        simulator.control.advance_clock(IDLE_SECONDS)
    assert sessions_open(simulator) == 0
    if client_name not in LOGS_IN_AGAIN:
        with pytest.raises(Refused) as refused:
            client.page(PEOPLE, limit=1)
        assert refused.value.code == "952"
        client.log_in()
    assert len(client.page(PEOPLE, limit=2)) == 2
    assert simulator.control.state()["logins_made"] == 2
    client.log_out()
    assert sessions_open(simulator) == 0


def test_python_fmrest_logs_in_again_when_it_is_asked_to(simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client("python-fmrest", simulator, is_relogin_automatic=True)
    simulator.control.kill_tokens()
    assert len(client.page(PEOPLE, limit=2)) == 2
    client.log_out()
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (2, 0)


def test_a_call_keeps_the_session_alive(client: PublicClient, simulator: Simulator) -> None:
    for _ in range(3):
        client.page(PEOPLE, limit=1)
        simulator.control.advance_clock(IDLE_SECONDS / 2)
    assert simulator.control.state()["logins_made"] == 1


# Each of several calls at once opens a session of its own (soliantconsulting/fm-data-api-client#25), and all but the
# last are forgotten. Parallel calls of fms-api-client wait for each other before anything is sent.
@pytest.mark.parametrize("name", ["fm-data-api-client", "@proofgeist/fmdapi"])
def test_parallel_calls_of_a_new_client_leak_sessions(name: str, simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client(name, simulator)
    client.process.ask("openAtOnce", layout=PEOPLE, count=PARALLEL_CALLS)
    assert simulator.control.state()["logins_made"] == PARALLEL_CALLS
    client.log_out()
    assert sessions_open(simulator) == PARALLEL_CALLS - 1


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "python-fmrest"])
def test_without_tls_too(name: str, open_client: OpenClient) -> None:
    """All but python-fmrest, which refuses plain HTTP at any port but 3000."""
    with Simulator.from_dataset(copy.deepcopy(CLINIC)) as simulator:
        client = open_client(name, simulator)
        assert len(client.page(PEOPLE, limit=3)) == 3
        client.log_out()
        assert sessions_open(simulator) == 0


@pytest.mark.parametrize("name", ["python-fmrest", "fmdata"])
def test_the_certificate_is_checked(name: str, simulator: Simulator, open_client: OpenClient) -> None:
    """Without the certificate of the simulator both refuse it: the clients do speak TLS with it."""
    with pytest.raises(Refused) as refused:
        open_client(name, simulator, ca_file=certifi.where())
    chain = [str(refused.value)]
    cause = refused.value.__cause__
    while cause is not None:
        chain.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    assert any("CERTIFICATE_VERIFY_FAILED" in text for text in chain)
    assert simulator.control.state()["logins_made"] == 0


# What each makes of the HTML page that stands in front of an engine that is down. Only the first says what it is; two
# errors are those of the JSON parser (compare fuzzzerd/fmdata#173), and two carry codes that no server sent.
ERROR_OF_HTML = {
    "python-fmrest": ("BadGatewayError", ""),
    "fmdata": ("JSONDecodeError", ""),
    "fm-data-api-client": ("FetchError", ""),
    "@proofgeist/fmdapi": ("FileMakerError", "500"),
    "fms-api-client": ("Object", "1630"),
}


def test_an_engine_that_is_down_for_one_request(client: PublicClient, client_name: str, simulator: Simulator) -> None:
    client.page(PEOPLE, limit=1)
    simulator.control.set_faults(unavailable_requests=1)
    with pytest.raises(Exception) as raised:  # one of them lets the JSON parser's error through
        client.page(PEOPLE, limit=1)
    error = raised.value
    told = (error.kind, error.code) if isinstance(error, Refused) else (type(error).__name__, "")
    assert told == ERROR_OF_HTML[client_name]
    assert len(client.page(PEOPLE, limit=2)) == 2
