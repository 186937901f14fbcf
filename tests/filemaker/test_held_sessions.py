"""A session that is held is all its holder needs: whoever waited for another one would wait for ever."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from nexus_import.errors import FileMakerRequestError
from nexus_import.filemaker import portals, queries
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.records import Portal

from local.simulator import Simulator

from .conftest import DOCUMENTS, LINE_COUNTS, VISITS, Connect

WAIT_SECONDS = 20
MISSPELT = "API_Doks"


def all_ended(client: FileMakerClient, work: Callable[[int], Any], thread_count: int) -> list[Any]:
    """Let so many threads hold a session each before any goes on; return what each returned or raised."""
    together = threading.Barrier(thread_count)
    lend, outcomes = client._pool.lend, []

    def one(number: int) -> None:
        try:
            outcomes.append(work(number))
        except Exception as error:
            outcomes.append(error)

    def lend_to_all() -> Any:
        lent = lend()

        class Lent:
            def __enter__(self) -> Any:
                session = lent.__enter__()
                together.wait(WAIT_SECONDS)
                return session

            def __exit__(self, *error: Any) -> Any:
                return lent.__exit__(*error)

        return Lent()

    client._pool.lend = lend_to_all  # type: ignore[method-assign]
    # Daemons: threads that hang must fail the test and not keep it from ending.
    threads = [threading.Thread(target=one, args=[number], daemon=True) for number in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert len(outcomes) == thread_count, "a thread waits for a session that nobody gives back"
    return outcomes


@pytest.mark.parametrize("session_count", [1, 3])
def test_a_missing_layout_is_named_while_every_session_is_held(session_count: int, connect: Connect) -> None:
    client = connect(sessions=session_count)
    errors = all_ended(
        client, lambda _: client.download_container(MISSPELT, "1", "file", io.BytesIO()), thread_count=session_count
    )
    for error in errors:
        assert isinstance(error, FileMakerRequestError)
        assert error.code == 105
        assert f"is '{DOCUMENTS}'" in str(error)


@pytest.mark.parametrize("session_count", [1, 3])
def test_rows_of_a_portal_are_read_on_in_the_session_that_is_held(
    session_count: int, simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (queries, portals):
        monkeypatch.setattr(module, "PORTAL_PAGE_ROWS", 50)
    client = connect(sessions=session_count)

    def read(_: int) -> int:
        with client._exchange.hold() as session:
            return len(client.record(VISITS, "1", portals=[Portal("Lines")], session=session).portals["Lines"])

    assert all_ended(client, read, thread_count=session_count) == [LINE_COUNTS["1"]] * session_count
    assert simulator.control.state()["logins_made"] == session_count


@pytest.mark.parametrize("session_count", [1, 3])
def test_a_missing_portal_is_named_in_the_session_that_is_held(session_count: int, connect: Connect) -> None:
    client = connect(sessions=session_count)

    def read(_: int) -> None:
        with client._exchange.hold() as session:
            client.record(VISITS, "1", portals=[Portal("Line")], session=session)

    for error in all_ended(client, read, thread_count=session_count):
        assert isinstance(error, FileMakerRequestError)
        assert "has no portal 'Line'" in str(error)
