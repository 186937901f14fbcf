"""Files in containers: whole or not at all, by an address that may die, from the Data API's own server only."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError, FileMakerError, FileMakerRequestError, FileMakerUnavailable
from nexus_import.filemaker import containers
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.containers import Download, FileGoneError

from local.simulator import Simulator

from .conftest import DOCUMENTS, FILES, Connect

UNKNOWN_TYPE = "application/octet-stream"
HEADER = b"what stood there before"


def address_of(client: FileMakerClient, record_id: str, field: str = "file") -> str:
    return str(client.record(DOCUMENTS, record_id).fields[field])


def after_reading(client: FileMakerClient, happen: Callable[[], object], times: int = 1) -> None:
    """Let something happen each time the client has read an address and not yet used it."""
    read, left = client._containers._read_address, [times]

    def and_then(*arguments: Any) -> str:
        address = read(*arguments)
        if left[0]:
            left[0] -= 1
            happen()
        return address

    client._containers._read_address = and_then  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("record_id", "content_type"),
    [
        ("1", "application/pdf"),
        ("2", "image/jpeg"),
        ("3", "application/octet-stream"),
        ("4", "application/octet-stream"),
    ],
)
def test_a_file_comes_whole_with_its_size_and_digest(record_id: str, content_type: str, connect: Connect) -> None:
    file = io.BytesIO()
    download = connect().download_container(DOCUMENTS, record_id, "file", file)
    assert file.getvalue() == FILES[record_id]
    assert download == Download(len(FILES[record_id]), hashlib.sha256(FILES[record_id]).hexdigest(), content_type, "")
    assert file.tell() == len(FILES[record_id])


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_any_size_comes_whole_in_pieces(
    size: int, simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "CHUNK_BYTES", 64)
    content = bytes(number % 251 for number in range(size))
    record_id = simulator.control.insert_record(DOCUMENTS, {"file": {"bytes": content, "name": "a.bin"}})
    file = io.BytesIO()
    assert connect().download_container(DOCUMENTS, record_id, "file", file).size_bytes == size
    assert file.getvalue() == content


def test_a_file_is_never_held_in_memory_as_a_whole(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "CHUNK_BYTES", 1000)

    class Pieces(io.BytesIO):
        largest = 0

        def write(self, piece: Any) -> int:
            self.largest = max(self.largest, len(piece))
            return super().write(piece)

    file = Pieces()
    connect().download_container(DOCUMENTS, "2", "file", file)
    assert 0 < file.largest <= 1000


def test_it_is_written_from_where_the_file_object_stands(connect: Connect, tmp_path: Path) -> None:
    with (tmp_path / "joined").open("w+b") as file:
        file.write(HEADER)
        connect().download_container(DOCUMENTS, "1", "file", file)
    assert (tmp_path / "joined").read_bytes() == HEADER + FILES["1"]


def test_a_repetition_is_a_field_of_its_own(connect: Connect) -> None:
    file = io.BytesIO()
    connect().download_container(DOCUMENTS, "1", "scan(2)", file)
    assert file.getvalue() == b"second"


def test_an_address_can_be_downloaded_as_long_as_its_session_lives(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    address = address_of(client, "1")
    file = io.BytesIO()
    client.download(address, file)
    assert file.getvalue() == FILES["1"]
    simulator.control.kill_tokens()
    with pytest.raises(FileGoneError, match="Read the record again"):
        client.download(address, file)
    assert file.getvalue() == FILES["1"], "what was there before"


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize("death", ["expire_container_urls", "kill_tokens"])
def test_an_address_that_died_is_read_again(death: str, status: int, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(container_dead_status=status)
    client = connect(retry_attempts=1)
    after_reading(client, getattr(simulator.control, death))
    file = io.BytesIO()
    client.download_container(DOCUMENTS, "2", "file", file)
    assert file.getvalue() == FILES["2"]
    assert client.open_sessions == simulator.control.state()["sessions_open"] == 1


def test_an_address_is_read_again_once_only(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    after_reading(client, simulator.control.expire_container_urls, times=2)
    file = io.BytesIO(HEADER)
    file.seek(0, io.SEEK_END)
    with pytest.raises(FileGoneError) as raised:
        client.download_container(DOCUMENTS, "2", "file", file)
    assert raised.value.http_status == 401
    assert simulator.control.state()["requests"][DOCUMENTS] == 2
    assert file.getvalue() == HEADER


@pytest.mark.parametrize("option", ["container_needs_bearer", "container_media_extension_only"])
def test_servers_differ(option: str, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(**{option: True})
    file = io.BytesIO()
    connect().download_container(DOCUMENTS, "1", "file", file)
    assert file.getvalue() == FILES["1"]


@pytest.mark.parametrize(
    "fault",
    [
        {"truncated_downloads": 2},
        {"download_502_every": 1},
        {"dropped_requests": 2},
        {"unavailable_requests": 2},
    ],
    ids=str,
)
def test_a_file_that_was_cut_off_or_refused_is_fetched_again(
    fault: dict[str, int], simulator: Simulator, connect: Connect
) -> None:
    client = connect()
    after_reading(client, lambda: simulator.control.set_faults(**fault))
    for _ in range(2):
        file = io.BytesIO(b"something longer " * 100_000)
        file.seek(0)
        client.download_container(DOCUMENTS, "2", "file", file)
        assert file.getvalue() == FILES["2"], "nothing of the first attempt, and nothing behind it"


def test_a_half_file_is_an_error_and_leaves_nothing(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(truncated_downloads=100)
    file = io.BytesIO(HEADER)
    file.seek(0, io.SEEK_END)
    with pytest.raises(FileMakerUnavailable) as raised:
        connect(retry_attempts=3).download_container(DOCUMENTS, "2", "file", file)
    assert str(raised.value) == (
        f"The file ended before all of its {len(FILES['2'])} bytes had come, at GET file in 'file' of record 2 on"
        " API_Docs. Gave up after 3 attempts."
    )
    assert raised.value.__cause__ is raised.value.__context__ is None, "requests' error holds the address"
    assert file.getvalue() == HEADER
    assert file.tell() == len(HEADER)


def test_files_at_once_have_cookies_of_their_own(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(downloads_at_once=3, download_bytes_per_second=2_000_000)
    with connect(sessions=3) as client, ThreadPoolExecutor(6) as threads:

        def fetch(record_id: str) -> bytes:
            file = io.BytesIO()
            client.download_container(DOCUMENTS, record_id, "file", file)
            return file.getvalue()

        wanted = ["1", "2", "4"] * 6
        assert list(threads.map(fetch, wanted)) == [FILES[record_id] for record_id in wanted]
        assert client.open_sessions <= 3
    assert simulator.control.state()["sessions_open"] == 0


def test_one_session_is_enough(simulator: Simulator, connect: Connect) -> None:
    with connect(sessions=1) as client:
        client.download_container(DOCUMENTS, "1", "file", io.BytesIO())
        client.download(address_of(client, "1"), io.BytesIO())
    assert simulator.control.state()["logins_made"] == 1


@pytest.mark.parametrize(
    ("record_id", "field", "sentence"),
    [
        ("5", "file", "The field 'file' of record 5 on layout API_Docs holds no file."),
        ("1", "pages", "The field 'pages' of record 1 on layout API_Docs is no container field: it holds a number."),
        (
            "1",
            "fil",
            "There is no field 'fil' of record 1 on layout API_Docs. Name a container field that is on the layout.",
        ),
        ("99", "file", "FileMaker has no such record"),
    ],
)
def test_what_holds_no_file_says_so(record_id: str, field: str, sentence: str, connect: Connect) -> None:
    file = io.BytesIO()
    with pytest.raises(FileMakerRequestError) as raised:
        connect().download_container(DOCUMENTS, record_id, field, file)
    assert str(raised.value).startswith(sentence)
    assert file.getvalue() == b""


def test_a_file_object_that_cannot_be_rewound_is_refused(simulator: Simulator, connect: Connect) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ConfigurationError, match="rewound"):
        connect().download_container(DOCUMENTS, "1", "file", Pipe())
    assert simulator.control.state()["requests_total"] == 0


def test_a_full_disk_is_the_callers_error_and_not_retried(simulator: Simulator, connect: Connect) -> None:
    class Full(io.BytesIO):
        def write(self, _piece: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as raised:
        connect().download_container(DOCUMENTS, "2", "file", Full())
    assert not isinstance(raised.value, FileMakerError)
    assert simulator.control.state()["requests"][DOCUMENTS] == 1


def test_addresses_are_not_written(simulator: Simulator, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    client = connect(retry_attempts=2)
    with caplog.at_level(logging.DEBUG):
        address = address_of(client, "1")
        client.download(address, io.BytesIO())
        simulator.control.expire_container_urls()
        with pytest.raises(FileGoneError) as raised:
            client.download(address, io.BytesIO())
    key = address.rpartition("/")[2][:32]
    assert len(key) == 32
    assert "/Streaming***" in caplog.text, "urllib3 logs the path of each request"
    assert key not in caplog.text + str(raised.value) + repr(vars(raised.value))
