"""Servers that lead elsewhere, do not say how long a file is, or stop in its middle; and what a file is called."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
from nexus_import.errors import FileMakerRequestError, FileMakerUnavailable
from nexus_import.filemaker.containers import Download
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.redaction import Secret

from local.simulator import Simulator

from .conftest import CONTACTS, Connect
from .servers import Reply, ScriptedServer, envelope, scripted_server, stalling_server


@pytest.mark.parametrize(
    "address",
    [
        "https://{host}/Streaming_SSL/MainDB/a?RCType=x",
        "http://evil.example/Streaming_SSL/MainDB/a",
        "http://{host}@evil.example/a",
        "http://evil.example\\@{host}/a",
        "ftp://{host}/a",
        "file:///etc/passwd",
        "dragged in.pdf",
        "",
    ],
)
def test_other_hosts_and_schemes_are_refused(address: str, simulator: Simulator, connect: Connect) -> None:
    client = connect()
    with pytest.raises(FileMakerRequestError, match="the session token is sent to that server only"):
        client.download(address.format(host=f"127.0.0.1:{simulator.port}"), io.BytesIO())
    assert simulator.control.state()["requests_total"] == 0
    record_id = simulator.control.insert_record(CONTACTS, {"id": "x", "nameLast": address or "x"})
    with pytest.raises(FileMakerRequestError, match="the session token is sent to that server only"):
        client.download_container(CONTACTS, record_id, "nameLast", io.BytesIO())


def with_file(reply: Reply) -> dict[str, Reply]:
    return {
        "POST /sessions": envelope(0, {"token": "c0ffee"}),
        "DELETE /c0ffee": envelope(0),
        "GET /file": reply,
    }


def fetched(server: ScriptedServer, connect: Connect, **options: Any) -> tuple[bytes, Download]:
    file = io.BytesIO()
    with connect(url=server.url, retry_attempts=1, **options) as client:
        download = client.download(f"{server.url}/file", file)
    return file.getvalue(), download


def test_the_token_goes_to_no_other_server_by_a_redirect(connect: Connect) -> None:
    with scripted_server({}) as elsewhere:
        moved = Reply(302, b"", {"Location": f"{elsewhere.url}/file", "Content-Length": "0"})
        with scripted_server(with_file(moved)) as server:
            with pytest.raises(FileMakerRequestError, match="redirects to another server"):
                fetched(server, connect)
            assert [headers["authorization"] for asked, headers in server.seen if "/file" in asked] == ["Bearer c0ffee"]
        assert elsewhere.seen == []


def test_redirects_without_an_end_are_given_up(connect: Connect) -> None:
    again = Reply(302, b"", {"Location": "/file", "Content-Length": "0"})
    with scripted_server(with_file(again)) as server:
        with pytest.raises(FileMakerUnavailable, match="redirected 4 times"):
            fetched(server, connect)
        assert sum("/file" in asked for asked, _ in server.seen) == 4


def test_a_file_of_unknown_length_is_refused(connect: Connect) -> None:
    with (
        scripted_server(with_file(Reply(200, b"half", {}))) as server,
        pytest.raises(FileMakerRequestError, match="nobody could tell whether it is whole"),
    ):
        fetched(server, connect)


def test_a_file_in_chunks_is_whole_when_its_last_chunk_came(connect: Connect) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    with scripted_server(with_file(Reply(200, b"3\r\nabc\r\n0\r\n\r\n", headers))) as server:
        assert fetched(server, connect)[0] == b"abc"
    with (
        scripted_server(with_file(Reply(200, b"3\r\nabc\r\n", headers))) as server,
        pytest.raises(FileMakerUnavailable, match="before all of it had come"),
    ):
        fetched(server, connect)


def test_a_proxy_may_compress_it_although_nobody_asked_for_that(connect: Connect) -> None:
    body = gzip.compress(b"abc" * 100)
    headers = {"Content-Length": str(len(body)), "Content-Encoding": "gzip"}
    with scripted_server(with_file(Reply(200, body, headers))) as server:
        content, download = fetched(server, connect)
        assert [seen["accept-encoding"] for asked, seen in server.seen if "/file" in asked] == ["identity"]
    assert content == b"abc" * 100
    assert download.size_bytes == 300


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        (f'attachment; filename="{"Grüße.pdf".encode().decode("latin-1")}"', "Grüße.pdf"),
        ('attachment; filename="Grüße.pdf"', "Grüße.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        (r'attachment; filename="C:\\files\\a.pdf"', "a.pdf"),
        ('attachment; filename=".."', ""),
        ("inline", ""),
    ],
)
def test_the_file_name_is_the_servers_and_leads_nowhere(header: str, name: str, connect: Connect) -> None:
    headers = {"Content-Length": "3", "Content-Disposition": header, "Content-Type": "application/pdf"}
    with scripted_server(with_file(Reply(200, b"abc", headers))) as server:
        _, download = fetched(server, connect)
    assert (download.file_name, download.content_type) == (name, "application/pdf")
    assert not name or name not in repr(download), "a file's name may be a patient's"


@pytest.mark.parametrize("status", [403, 500])
def test_another_refusal_is_told_with_its_status(status: int, connect: Connect) -> None:
    with scripted_server(with_file(Reply(status))) as server, pytest.raises(FileMakerRequestError) as raised:
        fetched(server, connect)
    assert raised.value.http_status == status
    assert f"did not give the file (HTTP {status})" in str(raised.value)


def test_a_file_that_stops_on_its_way_is_a_time_out(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with stalling_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as url:
        client = connect(url=url, read_timeout_seconds=0.2, retry_attempts=2)
        monkeypatch.setattr(client._pool, "log_in", lambda _session: Secret("c0ffee"))
        with pytest.raises(FileMakerTimedOutError, match="Gave up after 2 attempts"):
            client.download(f"{url}/file", file)
    assert file.getvalue() == b""
