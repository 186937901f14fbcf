"""Container files: their addresses, and the two requests it takes to fetch one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulator import Simulator
from local.simulator.data.dataset import DataSet, DataSetError
from tests.simulator.tiny_clinic import PASSWORD, TIMEOUT_SECONDS, USER, DataApiClient, outcome
from tests.simulator.worlds import addresses, fetch, field_data, layout, needs_openssl, serving, world

PHOTO = bytes(range(256)) * 1024
LETTER = b"%PDF-1.4 \x00 letter"
COOKIE = "X-FMS-Session-Key"
FIELDS = {"id": "text", "photo": "container", "letter": "container"}
ROWS: list[dict[str, Any]] = [
    {"id": "A", "photo": {"bytes": PHOTO, "name": "face.PNG"}, "letter": {"bytes": LETTER, "name": "to dr.pdf"}},
    {"id": "B", "photo": "", "letter": {"bytes": b"", "name": "empty.bin", "external": True}},
]
LINES = {"name": "Lines", "table": "line_TO", "fields": [{"name": "line_TO::scan", "result": "container"}]}


def described() -> dict[str, Any]:
    files = layout("Files", FIELDS, ROWS, portals=[LINES])
    files["records"][0]["portalData"] = {"Lines": [{"recordId": "7", "line_TO::scan": ROWS[0]["letter"]}]}
    return world(files)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator.from_dataset(described()) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.control.reset()


def ask(url: str, **options: Any) -> requests.Response:
    """Make one request and follow nothing."""
    return requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **options)


def test_a_container_is_an_address_and_an_empty_one_is_empty(simulator: Simulator, client: DataApiClient) -> None:
    first, second = field_data(client.records("Files"))
    start = re.escape(f"{simulator.url}/Streaming_SSL/MainDB/")
    assert re.fullmatch(start + r"[0-9a-f]{64}\.PNG\?RCType=EmbeddedRCFileProcessor", first["photo"])
    assert re.fullmatch(start + r"[0-9a-f]{64}\.pdf\?RCType=EmbeddedRCFileProcessor", first["letter"])
    assert second["photo"] == ""
    elsewhere = re.escape(f"{simulator.url}/Streaming_SSL/Additional_1/") + r"[0-9a-f]{64}\.bin\?RCType=RCFileProcessor"
    assert re.fullmatch(elsewhere, second["letter"])
    found = client.find({"photo": "*"}, layout="Files")
    assert [fields["id"] for fields in field_data(found)] == ["A"]
    assert [fields["id"] for fields in field_data(client.find({"photo": "="}, layout="Files"))] == ["B"]


def test_it_takes_two_requests_and_a_cookie(client: DataApiClient) -> None:
    url = addresses(client)["photo"]
    first = ask(url)
    assert first.status_code == 302
    assert first.headers["Location"] == f"{url}&Redirect"
    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]+; HttpOnly", first.headers["Set-Cookie"])

    without_cookie = ask(first.headers["Location"])
    assert (without_cookie.status_code, without_cookie.headers["Content-Type"]) == (401, "text/html")
    assert ask(first.headers["Location"], cookies={COOKIE: "0" * 32}).status_code == 401

    second = ask(first.headers["Location"], cookies={COOKIE: first.cookies[COOKIE]})
    assert second.status_code == 200
    assert second.content == PHOTO
    assert second.headers["Content-Type"] == "image/png"
    assert second.headers["Content-Length"] == str(len(PHOTO))
    assert ask(url, cookies={COOKIE: first.cookies[COOKIE]}).status_code == 302


def test_the_cookie_of_one_file_does_not_open_another(client: DataApiClient) -> None:
    urls = addresses(client)
    cookie = ask(urls["photo"]).cookies[COOKIE]
    assert ask(f"{urls['letter']}&Redirect", cookies={COOKIE: cookie}).status_code == 401


def test_a_client_with_cookies_just_gets_the_file(client: DataApiClient) -> None:
    urls = addresses(client)
    assert fetch(urls["photo"]).content == PHOTO
    assert fetch(urls["letter"], headers={"Accept-Encoding": "gzip"}).content == LETTER
    row = client.records("Files").json()["response"]["data"][0]["portalData"]["Lines"][0]
    assert fetch(row["line_TO::scan"]).content == LETTER
    empty = fetch(field_data(client.records("Files"))[1]["letter"])
    assert (empty.content, empty.headers["Content-Type"]) == (b"", "application/octet-stream")


def test_the_address_has_the_host_the_client_used(simulator: Simulator, client: DataApiClient) -> None:
    answer = client.call("GET", "layouts/Files/records", headers={"Host": "filemaker.example:8443"})
    assert field_data(answer)[0]["photo"].startswith("http://filemaker.example:8443/Streaming_SSL/")
    answer = client.call("GET", "layouts/Files/records", headers={"Host": "two words"})
    assert field_data(answer)[0]["photo"].startswith(simulator.url)


def test_head_tells_the_length_only(client: DataApiClient) -> None:
    with requests.Session() as jar:
        answer = jar.head(addresses(client)["photo"], timeout=TIMEOUT_SECONDS, allow_redirects=True)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, str(len(PHOTO)), b"")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda url: url.replace("MainDB", "Additional_1"), 404),
        (lambda url: url.partition("?")[0], 404),
        (lambda url: url.replace("EmbeddedRCFileProcessor", "RCFileProcessor"), 404),
        (lambda url: url.replace("/MainDB/", "/MainDB/x/"), 404),
        (lambda url: re.sub(r"[0-9a-f]{64}", "0" * 64, url), 404),
        (lambda url: re.sub(r"[0-9a-f]{64}", "0" * 63, url), 404),
    ],
)
def test_addresses_that_were_never_given(client: DataApiClient, change: Any, status: int) -> None:
    assert fetch(change(addresses(client)["photo"])).status_code == status


def test_only_reading_is_allowed(client: DataApiClient) -> None:
    answer = requests.post(addresses(client)["photo"], timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "text/html")


@pytest.mark.parametrize("status", [401, 404])
def test_an_address_dies_with_its_session(simulator: Simulator, client: DataApiClient, status: int) -> None:
    simulator.control.set_faults(container_dead_status=status)
    url = addresses(client)["photo"]
    other = DataApiClient(simulator)
    other.log_in()
    url_of_other = addresses(other)["photo"]
    assert url_of_other != url
    redirected, cookie = f"{url}&Redirect", ask(url).cookies[COOKIE]
    client.call("DELETE", f"sessions/{client.token}")
    assert fetch(url).status_code == status
    assert ask(redirected, cookies={COOKIE: cookie}).status_code == status
    assert fetch(url_of_other).content == PHOTO
    third = DataApiClient(simulator)
    third.log_in()
    assert fetch(addresses(third)["photo"]).content == PHOTO
    assert fetch(url).status_code == status, "it is remembered as dead after the session's addresses were dropped"


def test_an_address_dies_of_an_idle_session_and_lives_on_without_use_of_its_own(
    simulator: Simulator, client: DataApiClient
) -> None:
    url = addresses(client)["photo"]
    simulator.control.advance_clock(800)
    assert fetch(url).content == PHOTO
    simulator.control.advance_clock(200)
    assert fetch(url).status_code == 401


def test_addresses_with_a_life_of_their_own(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(container_url_seconds=60)
    url = addresses(client)["photo"]
    simulator.control.advance_clock(59)
    assert fetch(url).content == PHOTO
    simulator.control.advance_clock(2)
    assert fetch(url).status_code == 401
    fresh = addresses(client)["photo"]
    assert fresh != url
    assert fetch(fresh).content == PHOTO
    assert fetch(url).status_code == 401


def test_all_addresses_expire_at_once(simulator: Simulator, client: DataApiClient) -> None:
    urls = addresses(client)
    assert simulator.control.expire_container_urls() == 4
    assert [fetch(urls[name]).status_code for name in ("photo", "letter")] == [401, 401]
    fresh = addresses(client)["photo"]
    assert fresh != urls["photo"]
    assert fetch(fresh).content == PHOTO
    simulator.control.set_faults(expire_container_urls=True)
    assert simulator.control.expire_container_urls() == 0


def test_authenticated_streams_want_a_living_token_too(simulator: Simulator, client: DataApiClient) -> None:
    url = addresses(client)["photo"]
    bearer = {"Authorization": f"Bearer {client.token}"}
    assert fetch(url, headers=bearer).content == PHOTO, "a token that nobody asked for does no harm"
    assert fetch(url, headers={"Authorization": "Bearer 00"}).content == PHOTO
    simulator.control.set_faults(container_needs_bearer=True)
    assert fetch(url, headers=bearer).content == PHOTO
    assert fetch(url).status_code == 401
    assert fetch(url, headers={"Authorization": "Bearer 00"}).status_code == 401
    assert ask(f"{url}&Redirect", cookies={COOKIE: ask(url, headers=bearer).cookies[COOKIE]}).status_code == 401


def test_a_server_that_does_not_redirect(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(container_redirects=False)
    url = addresses(client)["photo"]
    answer = ask(url)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert "Set-Cookie" not in answer.headers
    client.call("DELETE", f"sessions/{client.token}")
    assert ask(url).status_code == 401


def test_a_file_that_is_replaced_between_pages(simulator: Simulator, client: DataApiClient) -> None:
    newer = {"base64": "bmV3ZXI=", "name": "newer.txt"}
    simulator.control.between_pages(
        [{"layout": "Files", "operation": "edit", "record_id": "1", "fields": {"letter": newer}}]
    )
    before = addresses(client)["letter"]
    assert fetch(addresses(client)["letter"]).content == b"newer"
    assert fetch(before).content == b"newer", "the address is that of the field"


def test_extensions_of_media_only(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(container_media_extension_only=True)
    urls = addresses(client)
    assert ".PNG?" in urls["photo"]
    assert re.search(r"/[0-9a-f]{64}\?", urls["letter"])
    assert fetch(urls["letter"]).content == LETTER


def test_a_container_is_cleared_by_a_client_and_filled_by_the_control(
    simulator: Simulator, client: DataApiClient
) -> None:
    path = "layouts/Files/records/1"
    assert outcome(client.call("PATCH", path, json={"fieldData": {"photo": "x"}})) == (400, "1708")
    assert outcome(client.call("PATCH", path, json={"fieldData": {"photo": ""}})) == (200, "0")
    assert addresses(client)["photo"] == ""
    text = base64.b64encode(LETTER).decode()
    simulator.control.edit_record("Files", "1", {"photo": {"base64": text, "name": "new.pdf"}})
    assert fetch(addresses(client)["photo"]).content == LETTER


def write_files(directory: Path, value: Any) -> Path:
    (directory / "photos").mkdir()
    (directory / "photos" / "a face.jpg").write_bytes(PHOTO)
    (directory / "database.json").write_text(json.dumps({"database": "Clinic", "user": USER, "password": PASSWORD}))
    files = layout("Files", {"id": "text", "photo": "container"}, [{"id": "A", "photo": value}])
    (directory / "Files.json").write_text(json.dumps(files))
    return directory


@needs_openssl
def test_files_in_the_directory_of_the_data_set(tmp_path: Path) -> None:
    with serving(write_files(tmp_path, {"file": "photos/a face.jpg"}), tls_self_signed=True) as (simulator, client):
        assert simulator.ca_file is not None
        url = addresses(client)["photo"]
        assert url.startswith("https://")
        answer = fetch(url, verify=str(simulator.ca_file))
        assert (answer.content, answer.headers["Content-Type"]) == (PHOTO, "image/jpeg")
        (tmp_path / "photos" / "a face.jpg").unlink()
        assert fetch(url, verify=str(simulator.ca_file)).status_code == 404


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"file": "photos/none.jpg"}, "record 1: field photo: there is no file 'photos/none.jpg'"),
        ({"file": "../secret"}, "outside of the data set's directory"),
        ({"file": "/etc/passwd"}, "outside of the data set's directory"),
        ({"base64": "%%%"}, "a container holds"),
        ({"name": "x"}, "a container holds"),
        ([1], "a container holds"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(DataSetError, match=message):
        DataSet.read(write_files(tmp_path, value))


def test_a_text_in_a_container_is_served_as_it_is() -> None:
    address = "https://filemaker.example/Streaming_SSL/MainDB/abc"
    with serving(world(layout("Files", {"photo": "container"}, [{"photo": address}]))) as (_, client):
        assert addresses(client)["photo"] == address
