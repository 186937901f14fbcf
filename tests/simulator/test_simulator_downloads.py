"""What goes wrong with downloads: files that end early, come slowly or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from local.simulator import Simulator
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS, DataApiClient
from tests.simulator.worlds import addresses, fetch, layout, world

PHOTO = bytes(range(256)) * 1024


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    files = layout("Files", {"photo": "container"}, [{"photo": {"bytes": PHOTO, "name": "face.png"}}])
    with Simulator.from_dataset(world(files)) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.control.reset()


def test_a_truncated_download(simulator: Simulator, client: DataApiClient) -> None:
    url = addresses(client)["photo"]
    simulator.control.set_faults(truncated_downloads=1)
    with requests.get(url, timeout=TIMEOUT_SECONDS, stream=True) as answer:
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(PHOTO)))
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            answer.content  # noqa: B018
    assert fetch(url).content == PHOTO


def test_a_slow_download_comes_in_small_pieces(
    simulator: Simulator, client: DataApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("local.simulator.wire.downloads.sleep", slept.append)
    url = addresses(client)["photo"]
    simulator.control.set_faults(download_bytes_per_second=100_000)
    assert fetch(url).content == PHOTO
    assert len(slept) > 20
    assert sum(slept) == pytest.approx(len(PHOTO) / 100_000)


def test_a_502_after_every_so_many_files(simulator: Simulator, client: DataApiClient) -> None:
    url = addresses(client)["photo"]
    simulator.control.set_faults(download_502_every=2)
    assert [fetch(url).status_code for _ in range(7)] == [200, 200, 502, 200, 200, 502, 200]


def test_too_many_files_at_once(simulator: Simulator, client: DataApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def wait(_seconds: float) -> None:
        arrived.set()
        assert go_on.wait(TIMEOUT_SECONDS)

    monkeypatch.setattr("local.simulator.wire.downloads.sleep", wait)
    url = addresses(client)["photo"]
    simulator.control.set_faults(downloads_at_once=1, download_bytes_per_second=10_000_000)
    answers: list[requests.Response] = []
    first = threading.Thread(target=lambda: answers.append(fetch(url)))
    first.start()
    assert arrived.wait(TIMEOUT_SECONDS)
    second = fetch(url)
    assert (second.status_code, second.headers["Content-Type"]) == (502, "text/html")
    go_on.set()
    first.join(TIMEOUT_SECONDS)
    assert answers[0].content == PHOTO
    assert fetch(url).content == PHOTO


def test_the_engine_is_down_for_files_too(simulator: Simulator, client: DataApiClient) -> None:
    url = addresses(client)["photo"]
    simulator.control.set_faults(unavailable_requests=1, html_401_requests=1)
    assert fetch(url).status_code == 502
    assert fetch(url).content == PHOTO, "a 401 for the Data API spares them"
