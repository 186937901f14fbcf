"""The one sentence of the connection form, against servers that really fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nexus_import.errors import NexusImportError
from nexus_import.filemaker.diagnosis import diagnose

from local.simulator import Simulator

from .certificates import make_certificate
from .conftest import CONTACTS, DATA_SET, EMPTY, FOLDED, Connect
from .diagnosing import Diagnose, is_one_sentence
from .servers import (
    Reply,
    envelope,
    full_port,
    scripted_server,
    tls_port_that_says_bad_request,
    unused_port,
)


def test_a_connection_that_works_says_what_was_looked_at(simulator: Simulator, connect: Connect) -> None:
    with connect() as client:
        is_working, sentence = diagnose(client, [CONTACTS, EMPTY, FOLDED])
    assert is_working
    assert is_one_sentence(sentence)
    assert sentence.startswith("Logged in to FileMaker Data API Engine 22.0.1.68: database 'Clinic' has ")
    assert f" {len(DATA_SET['layouts'])} layouts, and " in sentence
    assert sentence.endswith("3 layouts named here can be read.")
    state = simulator.control.state()
    assert state["requests"].keys() == {CONTACTS, EMPTY, FOLDED}
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_without_layouts_it_says_that_none_was_checked(connect: Connect) -> None:
    with connect() as client:
        assert diagnose(client, [])[1].endswith("and none was checked, as none is named.")


def test_host_not_found(problem: Diagnose) -> None:
    sentence = problem(url="https://filemaker.invalid")
    assert sentence.startswith("The host of https://filemaker.invalid was not found")


def test_connection_refused(problem: Diagnose) -> None:
    url = f"https://127.0.0.1:{unused_port()}"
    assert problem(url=url).startswith(f"Nothing listens at {url} (connection refused)")


def test_connection_not_taken(problem: Diagnose) -> None:
    with full_port() as port:
        sentence = problem(url=f"http://127.0.0.1:{port}", connect_timeout_seconds=0.2)
    assert "could not be reached before the connect time-out" in sentence
    assert "firewall" in sentence


def test_no_answer_in_time(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(latency_ms=400)
    assert "before the read time-out was over" in problem(read_timeout_seconds=0.1)


def test_connection_closed_without_an_answer(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(dropped_requests=1)
    assert "closed the connection without an answer" in problem()


def test_a_proxy_that_fails(problem: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    sentence = problem(url="http://filemaker.invalid")
    assert "proxy" in sentence
    assert "NO_PROXY" in sentence


@pytest.mark.parametrize(
    ("certificate", "part"),
    [
        ({}, "is not trusted (self-signed certificate): put the path of the server's CA file"),
        ({"host": "192.0.2.1"}, "is for another host"),
        ({"days_left": -1}, "has expired: FileMaker Server needs a new one"),
    ],
    ids=["own", "of another host", "expired"],
)
def test_certificates(certificate: dict[str, Any], part: str, problem: Diagnose, tmp_path: Path) -> None:
    files = make_certificate(tmp_path, **certificate)
    ca_file = str(files[0]) if certificate else None
    with Simulator.from_dataset(DATA_SET, tls_files=files) as server:
        assert part in problem(url=server.url, ca_file=ca_file)
        assert server.control.state()["logins_made"] == 0


def test_a_trusted_certificate_is_trusted(connect: Connect, tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    with (
        Simulator.from_dataset(DATA_SET, tls_files=files) as server,
        connect(url=server.url, ca_file=str(files[0])) as client,
    ):
        assert diagnose(client, [CONTACTS])[0]


@pytest.mark.parametrize(
    ("name", "part"),
    [("missing.pem", "does not exist on this machine"), (".", "does not exist"), ("empty.pem", "in PEM form")],
)
def test_a_ca_file_that_cannot_be_used(name: str, part: str, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("this is no certificate")
    with pytest.raises(NexusImportError, match=part) as raised:
        connect(url="https://filemaker.invalid", ca_file=str(tmp_path / name))
    assert is_one_sentence(str(raised.value))


def test_https_on_a_port_without_tls(simulator: Simulator, problem: Diagnose) -> None:
    assert "does not speak TLS at that port" in problem(url=simulator.url.replace("http:", "https:"))


def test_http_on_a_port_with_tls(problem: Diagnose, tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    with Simulator.from_dataset(DATA_SET, tls_files=files) as server:
        assert problem(url=server.url.replace("https:", "http:")).endswith(
            "speaks TLS: write https:// instead of http://."
        )
    with tls_port_that_says_bad_request(files, connections=2) as port:
        assert "write https://" in problem(url=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (502, "answers, but FileMaker's Data API behind it does not (HTTP 502)"),
        (503, "answers, but FileMaker's Data API behind it does not (HTTP 503)"),
        (404, "answers, but not as FileMaker's Data API (HTTP 404, no JSON): the Data API is switched off"),
    ],
)
def test_data_api_switched_off(status: int, part: str, simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(unavailable_requests=1, unavailable_status=status)
    assert part in problem()


def test_a_web_server_that_is_no_filemaker_server(problem: Diagnose) -> None:
    with scripted_server({}) as server:
        sentence = problem(url=server.url)
        assert "answers, but not as FileMaker's Data API (HTTP 404, no JSON)" in sentence
        assert [asked for asked, _ in server.seen] == ["GET /fmi/data/vLatest/productInfo"]


def test_a_server_that_redirects(problem: Diagnose) -> None:
    moved = Reply(301, b"", {"Location": "https://filemaker.invalid/", "Content-Length": "0"})
    with scripted_server({"GET /productInfo": moved}) as server:
        assert "redirects to another address (HTTP 301): write the final one" in problem(url=server.url)


def test_a_server_that_does_not_say_who_it_is(connect: Connect) -> None:
    token = envelope(0, {"token": "c0ffee"})
    replies = {
        "GET /productInfo": envelope(1630, status=404),
        "POST /sessions": token,
        "GET /layouts": envelope(0, {"layouts": [{"name": "L"}]}),
        "DELETE /c0ffee": envelope(0),
    }
    with scripted_server(replies) as server, connect(url=server.url) as client:
        assert diagnose(client, []) == (
            True,
            "Logged in to FileMaker: database 'Clinic' has 1 layout, and none was checked, as none is named.",
        )
