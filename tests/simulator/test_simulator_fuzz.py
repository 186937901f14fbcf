"""Whatever is sent, the answer is FileMaker's envelope or one of the documented pages, and it comes."""

from __future__ import annotations

import base64
import copy
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.example import EXAMPLE
from tests.simulator.raw_http import exchange, parse_answer
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS

PAGES = {400, 401, 404, 405, 413, 414, 431, 501, 505}
"""Statuses with an HTML page: what HTTP itself refuses, and addresses of containers."""

FIELDS = ["id", "name", "born", "height", "note", "phone", "phone(2)", "phone(9)", "photo", "visit_LINE::fee", "?", ""]
CRITERIA_ALPHABET = 'aZ09éß \\=!<>@#*?"~/.-:{}()[]|^$+\r\n\0\U000f0041≤≥…李'
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, "9" * 5000, "1e9", "-0", "0x1", "½", "٣"]))
SMALL_TEXT = st.text(max_size=12)
NO_JSON_NUMBERS = st.sampled_from([float("nan"), float("inf"), float("-inf")])
NO_BODIES = st.sampled_from(
    [
        b"[" * 100_000,
        b'{"query":' * 100_000,
        b'{"fieldData":{"height":1e999}}',
        b'{"fieldData":{"height":NaN}}',
        b"\xff",
        b'"',
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | SMALL_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SMALL_TEXT, inner, max_size=3),
    max_leaves=6,
)
CRITERION = st.text(alphabet=CRITERIA_ALPHABET, max_size=14) | NUMBERS | JSON
QUERY = st.lists(
    st.dictionaries(st.sampled_from([*FIELDS, "omit"]), CRITERION | st.sampled_from(["true", "false"]), max_size=3),
    max_size=3,
)
SORT = st.lists(
    st.fixed_dictionaries(
        {"fieldName": st.sampled_from(FIELDS)}, optional={"sortOrder": st.sampled_from(["descend", "Clinics", "x"])}
    ),
    max_size=3,
)
FIND_BODY = st.fixed_dictionaries(
    {"query": QUERY},
    optional={
        "sort": SORT | JSON,
        "limit": NUMBERS | JSON,
        "offset": NUMBERS | JSON,
        "portal": st.lists(st.sampled_from(["Visits", "x"]), max_size=2) | JSON,
        "limit.Visits": NUMBERS,
        "dateformats": st.sampled_from([0, 1, 2, "2", 3, None]),
        "layout.response": st.sampled_from(["Names/Größe §", "Empty", 1]),
        "script": st.sampled_from(["Nightly", "none", 7]),
    },
)
WRITE_BODY = st.fixed_dictionaries(
    {
        "fieldData": st.dictionaries(
            st.sampled_from([*FIELDS, "deleteRelated"]), NO_JSON_NUMBERS | SMALL_TEXT | JSON, max_size=3
        )
    },
    optional={
        "portalData": st.dictionaries(
            st.sampled_from(["Visits", "x"]),
            st.lists(st.dictionaries(st.sampled_from(["recordId", "modId", "visit_LINE::fee"]), JSON, max_size=3)),
            max_size=2,
        )
        | JSON,
        "modId": JSON,
        "dateformats": JSON,
    },
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        [
            "_offset",
            "_limit",
            "_sort",
            "portal",
            "_offset.Visits",
            "_limit.Visits",
            "dateformats",
            "layout.response",
            "script",
            "recordId",
            "x",
        ]
    ),
    st.one_of(NUMBERS.map(str), JSON.map(lambda value: json.dumps(value)), SMALL_TEXT, SORT.map(json.dumps)),
    max_size=4,
)
SEGMENT = st.one_of(
    st.sampled_from(
        ["layouts", "records", "_find", "script", "metadata", "sessions", "globals", "People", "Empty", "3"]
    ),
    SMALL_TEXT,
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator.from_dataset(copy.deepcopy(EXAMPLE)) as running:
        yield running


class Connection:
    """One kept-alive connection with a token, opened anew when the server closed it."""

    def __init__(self, simulator: Simulator) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=TIMEOUT_SECONDS)
        self.base = f"/fmi/data/v2/databases/{simulator.database}"
        self.token = self.log_in(simulator.user, simulator.password)

    def log_in(self, user: str, password: str) -> str:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.http.request("POST", f"{self.base}/sessions", headers={"Authorization": f"Basic {basic}"})
        answer = self.http.getresponse()
        answer.read()
        return answer.headers["X-FM-Data-Access-Token"]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> None:
        """Send a request and look at its answer."""
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        self.http.request(method, path, body=body, headers=given)
        answer = self.http.getresponse()
        content = answer.read()
        check(method, answer.status, answer.headers.get("Content-Type", ""), content)


def check(method: str, status: int, content_type: str, content: bytes) -> None:
    """Fail unless an answer is an envelope or a documented page."""
    if content_type == "text/html":
        assert status in PAGES, (status, content)
        return
    assert content_type == "application/json; charset=utf-8"
    if method == "HEAD":
        return
    envelope = json.loads(content.decode("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(envelope) == {"response", "messages"}
    assert isinstance(envelope["messages"][0]["code"], str)
    assert (status == 200) == (envelope["messages"][0]["code"] == "0")


@pytest.fixture(scope="module")
def connection(simulator: Simulator) -> Connection:
    return Connection(simulator)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=FIND_BODY.map(encoded) | JSON.map(encoded) | NO_BODIES)
def test_finds(connection: Connection, body: bytes) -> None:
    connection.ask("POST", f"{connection.base}/layouts/People/_find", body)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["POST", "PATCH"]), body=WRITE_BODY.map(encoded) | JSON.map(encoded) | NO_BODIES)
def test_writes(connection: Connection, method: str, body: bytes) -> None:
    path = f"{connection.base}/layouts/People/records" + ("" if method == "POST" else "/3")
    connection.ask(method, path, body)
    connection.ask("GET", f"{connection.base}/layouts/People/records?_limit=1000&dateformats=2")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "brew"]),
    segments=st.lists(SEGMENT, max_size=5),
    query=PARAMETERS,
    body=st.none() | JSON.map(encoded) | st.binary(max_size=20) | NO_BODIES,
)
def test_addresses(
    connection: Connection,
    method: str,
    segments: list[str],
    query: dict[str, str],
    body: bytes | None,
) -> None:
    path = "/".join(quote(segment, safe="", errors="surrogatepass") for segment in segments)
    connection.ask(method, f"{connection.base}/{path}?{urlencode(query, errors='surrogatepass')}", body)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=PARAMETERS, layout=st.sampled_from(["People", "Empty", "Names%2FGr%C3%B6%C3%9Fe%20%C2%A7"]))
def test_parameters(connection: Connection, query: dict[str, str], layout: str) -> None:
    for path in (f"layouts/{layout}/records", f"layouts/{layout}/records/3", f"layouts/{layout}"):
        connection.ask("GET", f"{connection.base}/{path}?{urlencode(query, errors='surrogatepass')}")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    authorization=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=255), max_size=30)
    | st.sampled_from(["Basic", "Basic OjpA", "FMID x", "Bearer", "basic \t", "Basic /w=="]),
    body=JSON.map(encoded) | st.binary(max_size=30),
)
def test_log_ins(connection: Connection, authorization: str, body: bytes) -> None:
    connection.ask("POST", f"{connection.base}/sessions", body, Authorization=authorization)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    folder=st.sampled_from(["MainDB", "Additional_1", "x"]),
    name=st.text(alphabet="0123456789abcdef.png/%", max_size=70) | st.just("0" * 64),
    query=st.text(alphabet="RCType=&mbedRdirct+%20", max_size=30),
    cookie=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
)
def test_container_addresses(connection: Connection, folder: str, name: str, query: str, cookie: str) -> None:
    connection.ask("GET", f"/Streaming_SSL/{folder}/{name}?{query}", Cookie=cookie)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    request_line=st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"GET /", b"GET / HTTP/9.9", b"GET  HTTP/1.1"]),
    ),
    headers=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"Content-Length: -1",
                    b"Content-Length: 3",
                    b"Content-Length: 99999999999999",
                    b"Content-Length: 9999999999999999999999",
                    b"Transfer-Encoding: chunked",
                    b"Transfer-Encoding: gzip, chunked",
                    b"Expect: 100-continue",
                    b"Host: \xff\xfe",
                    b"Connection: close",
                ]
            ),
        ),
        max_size=4,
    ),
    body=st.binary(max_size=30) | st.sampled_from([b"-1\r\n\r\n", b"0\r\n\r\n", b"zz\r\n", b"5;x=y\r\nab", b"1_0\r\n"]),
)
def test_bytes_that_are_no_http(simulator: Simulator, request_line: bytes, headers: list[bytes], body: bytes) -> None:
    """The client sends all it has and closes its side: whatever the server made of it, it must end too."""
    sent = b"\r\n".join([request_line, *headers, b"", body])
    received = exchange(simulator.port, sent)
    for answer in parse_answer(received):
        check(answer.method, answer.status, answer.content_type, answer.body)


def test_the_server_is_well_after_all_that(simulator: Simulator) -> None:
    connection = Connection(simulator)
    connection.ask("GET", f"{connection.base}/layouts")
    assert simulator.control.state()["sessions_open"] >= 1
