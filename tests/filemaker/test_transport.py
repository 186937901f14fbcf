from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
from nexus_import.errors import ConfigurationError, FileMakerError, FileMakerUnavailable
from nexus_import.filemaker.failures import (
    FileMakerNoAnswerError,
    FileMakerTimedOutError,
    FileMakerTlsError,
    Problem,
)

from local.simulator import Simulator

from .certificates import make_certificate
from .conftest import CONTACTS, DATA_SET, PASSWORD, USER, Connect
from .servers import Reply, full_port, scripted_server, unused_port

REDIRECTED = Reply(302, b"", {"Location": "http://localhost:1/elsewhere", "Content-Length": "0"})


def test_a_refused_connection_names_host_and_port(connect: Connect) -> None:
    port = unused_port()
    client = connect(url=f"http://127.0.0.1:{port}", retry_attempts=2)
    with pytest.raises(FileMakerNoAnswerError) as raised:
        client.layouts()
    assert raised.value.problem is Problem.REFUSED
    assert f"http://127.0.0.1:{port}" in str(raised.value)
    assert "Gave up after 2 attempts" in str(raised.value)


def test_a_host_that_is_not_found_is_retried_since_names_may_come_back(connect: Connect) -> None:
    with pytest.raises(FileMakerNoAnswerError, match=r"filemaker\.invalid was not found.*after 2 attempts") as raised:
        connect(url="https://filemaker.invalid", retry_attempts=2).layouts()
    assert raised.value.problem is Problem.HOST_NOT_FOUND


def test_connecting_and_reading_have_a_time_out_each(simulator: Simulator, connect: Connect) -> None:
    with full_port() as port:
        unreached = connect(
            url=f"http://127.0.0.1:{port}", connect_timeout_seconds=0.2, read_timeout_seconds=100, retry_attempts=1
        )
        with pytest.raises(FileMakerNoAnswerError, match=r"could not be reached \(it had 0\.2 s\)") as raised:
            unreached.product_info()
    assert raised.value.problem is Problem.NOT_REACHED

    simulator.control.hold(CONTACTS)
    client = connect(connect_timeout_seconds=100, read_timeout_seconds=0.2, retry_attempts=1)
    with pytest.raises(FileMakerTimedOutError, match=r"did not answer within 0\.2 s"):
        client.get_records(CONTACTS)
    simulator.control.release()


@pytest.mark.parametrize("name", ["connect_timeout_seconds", "read_timeout_seconds"])
@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_time_outs_are_positive_and_end(seconds: float, name: str, connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="more than 0 seconds"):
        connect(**{name: seconds})


def test_an_answer_that_breaks_off_is_a_lost_connection(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(truncated_responses=1)
    with pytest.raises(FileMakerNoAnswerError, match="was lost") as raised:
        connect(retry_attempts=1).product_info()
    assert raised.value.problem is Problem.LOST


def test_credentials_do_not_follow_a_redirect(connect: Connect) -> None:
    with scripted_server({"POST /sessions": REDIRECTED}) as server:
        with pytest.raises(FileMakerError, match="put the final address") as raised:
            connect(url=server.url).layouts()
        assert not isinstance(raised.value, FileMakerUnavailable), "a redirect is there tomorrow too"
        assert [(asked, headers["authorization"].split()[0]) for asked, headers in server.seen] == [
            ("POST /fmi/data/vLatest/databases/Clinic/sessions", "Basic")
        ]


def test_a_netrc_file_does_not_replace_the_credentials(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert connect().found_count(CONTACTS) > 0
    with scripted_server({"GET /productInfo": REDIRECTED}) as server:
        with pytest.raises(FileMakerError):
            connect(url=server.url).product_info()
        assert "authorization" not in server.seen[0][1]


def test_tls_is_verified_and_the_ca_file_wins_over_the_environment(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = make_certificate(tmp_path / "server")
    other = make_certificate(tmp_path / "other")
    with Simulator.from_dataset(DATA_SET, tls_files=files) as server:
        account = {"url": server.url, "username": USER, "password": PASSWORD}
        with pytest.raises(FileMakerTlsError, match="'ca_file' of the connection") as raised:
            connect(**account).layouts()
        assert raised.value.problem is Problem.UNTRUSTED
        assert not isinstance(raised.value, FileMakerUnavailable), "a certificate does not change in a minute"
        assert raised.value.__context__ is None, "requests' error holds the path"
        assert server.control.state()["logins_made"] == 0

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other[0]))
        with connect(**account, ca_file=str(files[0])) as client:
            assert client.found_count(CONTACTS) > 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files[0]))
        with pytest.raises(FileMakerTlsError):
            connect(**account, ca_file=str(other[0])).layouts()
        with pytest.raises(FileMakerTlsError):
            connect(**account).layouts()
        assert server.control.state()["logins_made"] == 1


def test_an_unencrypted_server_is_warned_of(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    connect()
    assert not caplog.messages
    connect(url="http://filemaker.invalid").close()
    with caplog.at_level(logging.WARNING):
        assert "not encrypted" in caplog.text


@pytest.mark.parametrize("address", ["https://foo..bar.example", "https://*.foo", f"https://{'a' * 64}.example"])
def test_an_address_that_no_library_takes_is_an_error_of_ours_and_not_retried(address: str, connect: Connect) -> None:
    client = connect(retry_attempts=5, retry_wait_seconds=100)
    client._transport.address = address  # as if the check of the host had let it through
    with pytest.raises(FileMakerError, match="No request can be sent to") as raised:
        client.product_info()
    assert not isinstance(raised.value, FileMakerUnavailable)
