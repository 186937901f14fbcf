"""HTTP as clients of all kinds speak it: what they send that requests never would, and what they leave out."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest
import requests

from local.simulator import Simulator
from tests.simulator.raw_http import exchange, parse_answer
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS, DataApiClient, numbers, outcome

RECORDS = "/fmi/data/v2/databases/Clinic/layouts/API_Contacts/records"


@pytest.fixture
def wire(simulator: Simulator) -> Iterator[socket.socket]:
    """A bare connection that stays open on this side."""
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=TIMEOUT_SECONDS) as connection:
        yield connection


def read_answer(wire: socket.socket) -> tuple[int, bytes]:
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    return answer.status, answer.read()


def head(line: str, token: str, *headers: str) -> bytes:
    return "\r\n".join([line, "host: x", f"authorization: Bearer {token}", *headers, "", ""]).encode()


def test_a_client_that_waits_for_100_gets_it_before_it_sends_its_body(
    client: DataApiClient, wire: socket.socket
) -> None:
    body = b'{"query":[{"name":"anna"}]}'
    path = "/fmi/data/v2/databases/Clinic/layouts/API_Contacts/_find"
    expecting = ["expect: 100-continue", "content-type: application/json", f"content-length: {len(body)}"]
    wire.sendall(head(f"POST {path} HTTP/1.1", client.token, *expecting))
    assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(body)
    status, content = read_answer(wire)
    assert status == 200
    assert json.loads(content)["response"]["dataInfo"]["foundCount"] == 1


def test_header_names_in_lower_case(client: DataApiClient, wire: socket.socket) -> None:
    wire.sendall(head(f"GET {RECORDS} HTTP/1.1", client.token))
    assert read_answer(wire)[0] == 200


def test_a_get_with_a_body_is_read_to_its_end(client: DataApiClient, wire: socket.socket) -> None:
    for _ in range(2):
        wire.sendall(head(f"GET {RECORDS} HTTP/1.1", client.token, "content-length: 2") + b"{}")
        assert read_answer(wire)[0] == 200


def test_head_has_no_body_and_leaves_the_connection_usable(simulator: Simulator, client: DataApiClient) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=TIMEOUT_SECONDS)
    headers = {"Authorization": f"Bearer {client.token}"}
    connection.request("HEAD", RECORDS, headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (405, b"")
    first_socket = connection.sock
    connection.request("GET", RECORDS, headers=headers)
    assert connection.getresponse().status == 200
    assert connection.sock is first_socket
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("OPTIONS", RECORDS, b"", 405),
        ("POST", RECORDS, b"{broken", 400),
        ("PATCH", f"{RECORDS}/11", b'{"fieldData":{"no":1}}', 500),
        ("POST", "/fmi/data/v2/databases/Clinic/sessions", b"[]", 400),
        ("GET", "/nowhere", b"unread", 404),
        ("GET", "/Streaming_SSL/MainDB/x.png", b"unread", 404),
    ],
)
def test_the_connection_goes_on_after_an_error(
    simulator: Simulator, client: DataApiClient, method: str, path: str, body: bytes, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=TIMEOUT_SECONDS)
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    assert answer.status == status
    answer.read()
    first_socket = connection.sock
    connection.request("GET", RECORDS, headers=headers)
    assert connection.getresponse().status == 200
    assert connection.sock is first_socket is not None
    connection.close()


@pytest.mark.parametrize(
    "query",
    [
        '_sort=[{"fieldName":+"name",+"sortOrder":+"descend"}]&_limit=2',
        "_sort=%5B%7b%22fieldName%22%3A%20%22name%22%2C%22sortOrder%22%3A%22descend%22%7D%5D&_limit=2",
        "_limit=2&_sort=[{%22fieldName%22:%22name%22,%22sortOrder%22:%22descend%22}]",
    ],
)
def test_spaces_and_escapes_in_a_query(client: DataApiClient, wire: socket.socket, query: str) -> None:
    line = f"GET {RECORDS}?{query} HTTP/1.1".replace('"', "%22")
    wire.sendall(head(line, client.token))
    status, content = read_answer(wire)
    assert status == 200
    assert [record["recordId"] for record in json.loads(content)["response"]["data"]] == ["16", "14"]


@pytest.mark.parametrize("layout", ["Names%2FÄrzte", "Names%2F%c3%84rzte", "%4eames%2f%C3%84rzte"])
def test_every_way_to_write_a_name(client: DataApiClient, layout: str) -> None:
    assert len(numbers(client.call("GET", f"layouts/{layout}/records"))) == 6


@pytest.mark.parametrize("layout", ["Names/%C3%84rzte", "Names%252F%C3%84rzte", "Names%2F%C4rzte"])
def test_ways_that_mean_another_name(client: DataApiClient, layout: str) -> None:
    assert client.call("GET", f"layouts/{layout}/records").status_code in (404, 500)


def test_of_a_parameter_given_twice_the_last_counts(client: DataApiClient) -> None:
    assert numbers(client.call("GET", "layouts/API_Contacts/records?_limit=1&_limit=2")) == [1, 2]


def test_a_long_address_is_read_and_an_endless_one_is_refused(simulator: Simulator, client: DataApiClient) -> None:
    spaces = "%20" * 10_000
    assert len(numbers(client.call("GET", f"layouts/API_Contacts/records?portal={spaces}[]"))) == 6
    answer = requests.get(f"{simulator.url}/{'x' * 70_000}", timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (414, "text/html")


def test_the_whole_address_as_a_proxy_gets_it(client: DataApiClient, wire: socket.socket) -> None:
    wire.sendall(head(f"GET http://filemaker.example:8080{RECORDS}?_limit=1 HTTP/1.1", client.token))
    assert read_answer(wire)[0] == 200


@pytest.mark.parametrize("target", ["*", "x", "?", "http://filemaker.example"])
def test_a_target_that_is_no_path(simulator: Simulator, target: str) -> None:
    (answer,) = parse_answer(exchange(simulator.port, f"OPTIONS {target} HTTP/1.1\r\n\r\n".encode()))
    assert (answer.status, json.loads(answer.body)["messages"][0]["code"]) == (404, "1630")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["content-length: -1"], b"", 400),
        (["content-length: 1_0"], b"", 400),
        (["content-length: 99999999999"], b"", 413),
        (["transfer-encoding: gzip"], b"", 400),
        (["transfer-encoding: chunked"], b"-1\r\n", 400),
        (["transfer-encoding: chunked"], b"0x5\r\n", 400),
        (["transfer-encoding: chunked"], b"2\r\nabc\r\n", 400),
        (["transfer-encoding: chunked"], b"fffffffff\r\n", 413),
        (["transfer-encoding: chunked"], b"1" * 5000, 400),
    ],
)
def test_a_body_whose_end_is_unknown_is_refused_at_once(
    client: DataApiClient, wire: socket.socket, headers: list[str], body: bytes, status: int
) -> None:
    wire.sendall(head(f"POST {RECORDS} HTTP/1.1", client.token, *headers) + body)
    answered, page = read_answer(wire)
    assert (answered, b"<html>" in page) == (status, True)
    assert wire.recv(1) == b""


def test_chunks_with_extensions_and_trailers(client: DataApiClient, wire: socket.socket) -> None:
    path = "/fmi/data/v2/databases/Clinic/layouts/API_Contacts/_find"
    chunks = b'5;name=x\r\n{"que\r\n16 \r\nry":[{"name":"anna"}]}\r\n0\r\nDigest: none\r\n\r\n'
    headers = ["transfer-encoding: Chunked", "content-type: application/json"]
    for _ in range(2):
        wire.sendall(head(f"POST {path} HTTP/1.1", client.token, *headers) + chunks)
        assert read_answer(wire)[0] == 200


def test_an_old_client_is_answered_and_let_go(client: DataApiClient, wire: socket.socket) -> None:
    wire.sendall(head(f"GET {RECORDS} HTTP/1.0", client.token))
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    answer.read()
    assert wire.recv(1) == b""


@pytest.mark.parametrize("body", [b"1e999", b"NaN", b"-Infinity", b"[" * 100_000])
def test_json_that_is_none_is_refused(client: DataApiClient, body: bytes) -> None:
    content = b'{"fieldData":{"age":' + body + b"}}"
    headers = {"Content-Type": "application/json"}
    answer = client.call("PATCH", "layouts/API_Contacts/records/11", data=content, headers=headers)
    assert outcome(answer) in ((400, "1710"), (500, "502"))
    assert client.call("GET", "layouts/API_Contacts/records/11").json()["response"]["data"][0]["fieldData"]["age"] == 45


def test_half_a_surrogate_pair_comes_back_as_it_was_written(client: DataApiClient) -> None:
    body = b'{"fieldData":{"name":"half \\ud83d"}}'
    headers = {"Content-Type": "application/json"}
    path = "layouts/API_Contacts/records/11"
    assert outcome(client.call("PATCH", path, data=body, headers=headers)) == (200, "0")
    content = client.call("GET", path).content
    assert json.loads(content.decode("utf-8"))["response"]["data"][0]["fieldData"]["name"] == "half \ud83d"


def test_a_defect_says_that_it_is_one(
    simulator: Simulator, client: DataApiClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("local.simulator.api.records.read_page", None)
    answer = client.records()
    assert (answer.status_code, "Defect of the simulator" in answer.text) == (500, True)
    assert "TypeError" in capfd.readouterr().err
