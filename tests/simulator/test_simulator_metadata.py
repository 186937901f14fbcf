"""Metadata calls, wrong addresses, verbs and content types, and HTTP itself."""

from __future__ import annotations

import http.client
import json

import pytest
import requests

from local.simulator import Simulator
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS, DataApiClient, outcome


def test_product_and_databases_need_no_session(simulator: Simulator) -> None:
    root = f"{simulator.url}/fmi/data/v1"
    product = requests.get(f"{root}/productInfo", timeout=TIMEOUT_SECONDS).json()["response"]["productInfo"]
    assert product["name"] == "FileMaker Data API Engine"
    assert product["dateFormat"] == "MM/dd/yyyy"
    databases = requests.get(f"{root}/databases", timeout=TIMEOUT_SECONDS).json()["response"]
    assert databases == {"databases": [{"name": "Clinic"}]}


def test_layouts_come_in_their_folders(client: DataApiClient) -> None:
    assert client.call("GET", "layouts").json()["response"]["layouts"] == [
        {"name": "API_Contacts", "table": ""},
        {"name": "Old", "isFolder": True, "folderLayoutNames": [{"name": "Names/Ärzte", "table": ""}]},
    ]


def test_scripts_are_listed(client: DataApiClient) -> None:
    scripts = client.call("GET", "scripts").json()["response"]["scripts"]
    assert scripts[0] == {"name": "Nightly", "isFolder": False}


def test_layout_metadata(client: DataApiClient) -> None:
    metadata = client.call("GET", "layouts/API_Contacts").json()["response"]
    assert metadata["portalMetaData"] == {}
    assert metadata["valueLists"][0]["name"] == "Clinics"
    by_name = {field["name"]: field for field in metadata["fieldMetaData"]}
    assert by_name["clinic"]["valueList"] == "Clinics"
    assert by_name["DOB"] == {
        "name": "DOB",
        "type": "normal",
        "displayType": "editText",
        "result": "date",
        "global": False,
        "autoEnter": False,
        "fourDigitYear": False,
        "maxRepeat": 1,
        "maxCharacters": 0,
        "notEmpty": False,
        "numeric": False,
        "timeOfDay": False,
        "repetitionStart": 1,
        "repetitionEnd": 1,
    }


def test_layout_metadata_with_portals_and_without_value_lists(client: DataApiClient) -> None:
    metadata = client.call("GET", "layouts/API_Visits").json()["response"]
    assert "valueLists" not in metadata
    assert list(metadata["portalMetaData"]) == ["Lines", "visit_NOTE"]
    assert metadata["portalMetaData"]["Lines"][0]["name"] == "visit_LINE::amount"
    assert [field["result"] for field in metadata["fieldMetaData"]] == ["number", "time", "timeStamp"]
    legacy = client.call("GET", "layouts/API_Visits/metadata").json()["response"]
    assert legacy == {"metaData": metadata["fieldMetaData"]}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "layouts/API_Nothing", (500, "105")),
        ("GET", "layouts/api_contacts", (500, "105")),
        ("GET", "layouts/API+Contacts", (500, "105")),
        ("GET", "tables", (404, "1630")),
        ("GET", "layouts/API_Contacts/rows", (404, "1630")),
        ("GET", "layouts/API_Contacts/records/11/more", (404, "1630")),
        ("DELETE", "layouts", (405, "1704")),
        ("PUT", "layouts/API_Contacts/records/11", (405, "1704")),
        ("DELETE", "layouts/API_Contacts/records", (405, "1704")),
        ("GET", "layouts/API_Contacts/_find", (405, "1704")),
        ("OPTIONS", "layouts/API_Contacts/records", (405, "1704")),
        ("GET", "sessions", (405, "1704")),
    ],
)
def test_wrong_addresses_and_verbs(client: DataApiClient, method: str, path: str, expected: tuple[int, str]) -> None:
    assert outcome(client.call(method, path)) == expected


@pytest.mark.parametrize("path", ["/", "/fmi/data", "/fmi/data/v3/databases", "/fmi/xml/fmresultset.xml"])
def test_addresses_outside_the_api(simulator: Simulator, path: str) -> None:
    assert outcome(requests.get(simulator.url + path, timeout=TIMEOUT_SECONDS)) == (404, "1630")


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Content-Type": "text/plain"}, b"{}", (415, "1705")),
        ({}, b"{}", (415, "1705")),
        ({"Content-Type": "application/json"}, b"{broken", (400, "1710")),
        ({"Content-Type": "application/json"}, b"\xff", (400, "1710")),
    ],
)
def test_bodies_that_are_refused(
    client: DataApiClient, headers: dict[str, str], body: bytes, expected: tuple[int, str]
) -> None:
    answer = client.call("POST", "layouts/API_Contacts/_find", headers=headers, data=body)
    assert outcome(answer) == expected


def test_globals_need_full_names(client: DataApiClient) -> None:
    assert outcome(client.call("PATCH", "globals", json={"globalFields": {"T::g": "1"}})) == (200, "0")
    assert outcome(client.call("PATCH", "globals", json={"globalFields": {"g": "1"}})) == (500, "102")


def test_one_connection_serves_many_requests(simulator: Simulator, client: DataApiClient) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=TIMEOUT_SECONDS)
    headers = {"Authorization": f"Bearer {client.token}"}
    connection.request("GET", "/fmi/data/v2/databases/Clinic/layouts", headers=headers)
    connection.getresponse().read()
    first_socket = connection.sock
    for path, status in (("layouts/API_Nothing", 500), ("layouts/API_Contacts/records", 200)):
        connection.request("GET", f"/fmi/data/v2/databases/Clinic/{path}", headers=headers)
        answer = connection.getresponse()
        assert answer.version == 11
        assert answer.status == status
        answer.read()
        assert connection.sock is first_socket
    connection.close()


def test_headers_are_those_of_a_real_server(client: DataApiClient) -> None:
    headers = client.records().headers
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["ETag"].startswith('W/"')
    assert headers["Vary"] == "Accept-Encoding"
    assert "Access-Control-Allow-Origin" not in headers


def test_gzip_only_when_asked_for(client: DataApiClient) -> None:
    zipped = client.records(_limit="5")
    plain = client.call("GET", "layouts/API_Contacts/records?_limit=5", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"])
    assert zipped.json() == plain.json()


def test_a_chunked_body_is_read(client: DataApiClient) -> None:
    parts = [b'{"query":[{"na', b'me":"anna"}]}']
    answer = client.call(
        "POST",
        "layouts/API_Contacts/_find",
        headers={"Content-Type": "application/json"},
        data=iter(parts),
    )
    assert answer.json()["response"]["dataInfo"]["foundCount"] == 1
    assert outcome(client.records()) == (200, "0")


def test_a_length_that_is_no_number_ends_the_connection(simulator: Simulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=TIMEOUT_SECONDS)
    connection.request("GET", "/fmi/data/v2/productInfo", headers={"Content-Length": "many"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html")
    assert b"Bad Request" in answer.read()
    assert connection.sock is None or connection.sock.recv(1) == b""
    connection.close()


def test_text_outside_ascii_is_sent_as_utf_8(client: DataApiClient) -> None:
    assert "Anna Müller".encode() in client.records().content
    assert json.loads(client.records().content)["messages"][0]["code"] == "0"
