"""The undo interrupted, and in the way of others: either nothing has changed, or all of it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nexus_import.errors import NexusImportError
from nexus_import.nexus.locking import PUBLISH_LOCK

from tests.faults.interrupting import (
    CLOSED,
    DONE,
    WAIT_SECONDS,
    held,
    kill,
    wait_for_nobody,
    wait_for_writer,
)
from tests.nexus.manual_run import STAGE_RUN, ManualRun, open_restorer, start_run
from tests.restore import shell
from tests.restore.publishing import answer, publish_more, rehearse, start_published, undo
from tests.restore.scene import Scene, open_scene

STANDING = "SELECT run_id FROM nexus_import.publication WHERE undone_at IS NULL ORDER BY published_at"
Rows = dict[str, list[bytes]]


@pytest.fixture(scope="module")
def published_database(parts: Any) -> Iterator[str]:
    with start_published(parts) as name:
        yield name


@pytest.fixture
def first(parts: Any, published_database: str) -> Iterator[ManualRun]:
    """A run that has published."""
    with start_run(parts, published_database) as run:
        yield run


@pytest.fixture
def nexus(first: ManualRun) -> Iterator[Scene]:
    with open_scene(first.installation) as scene:
        yield scene


@pytest.fixture
def between(first: ManualRun, nexus: Scene) -> Rows:
    """The rows as the first publish left them."""
    return nexus.rows()


@pytest.fixture
def second(first: ManualRun, between: Rows) -> ManualRun:
    """A run that has published after it."""
    return publish_more(first)


def standing(scene: Scene) -> list[str]:
    return [run_id for (run_id,) in scene.installation.rows(STANDING)]


def test_killed_when_every_row_is_written_and_nothing_committed(nexus: Scene, between: Rows, second: ManualRun) -> None:
    before = nexus.rows()
    with held(nexus, DONE):
        process = shell.start(nexus, "--undo", second.run_id, "--yes")
        wait_for_writer(nexus, DONE)
        kill(process)
    wait_for_nobody(nexus)
    assert nexus.rows() == before
    assert standing(nexus) == [STAGE_RUN, second.run_id]
    code, said = shell.run(nexus, "--undo", second.run_id, "--yes")
    assert code == 0, said
    assert nexus.rows() == between
    assert standing(nexus) == [STAGE_RUN]


def test_killed_right_after_the_commit_is_recognised_and_undoes_no_other(
    nexus: Scene, between: Rows, second: ManualRun
) -> None:
    with held(nexus, DONE) as at_the_end:
        process = shell.start(nexus, "--undo", second.run_id, "--yes")
        wait_for_writer(nexus, DONE)
        with held(nexus, CLOSED):
            at_the_end.rollback()
            wait_for_writer(nexus, CLOSED)
            kill(process)
    wait_for_nobody(nexus)
    assert nexus.rows() == between
    code, said = shell.run(nexus, "--undo", second.run_id, "--yes")
    assert code == 0
    assert "Nothing to undo: it was undone already" in said
    assert nexus.rows() == between
    assert standing(nexus) == [STAGE_RUN]
    assert nexus.value("SELECT count(*) FROM nexus_import.restore") == 1


def test_connection_that_is_cut_in_the_transaction(nexus: Scene, second: ManualRun) -> None:
    before = nexus.rows()
    with held(nexus, DONE):
        process = shell.start(nexus, "--undo", second.run_id, "--yes")
        pid = wait_for_writer(nexus, DONE)
        nexus.execute_as_superuser(f"SELECT pg_terminate_backend({pid})")
        said, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert said.rstrip().splitlines()[-1].startswith("❌ PostgreSQL: AdminShutdown")
    assert nexus.rows() == before
    assert standing(nexus) == [STAGE_RUN, second.run_id]


def test_publish_that_holds_the_lock_is_waited_for_and_then_given_up(nexus: Scene) -> None:
    before = nexus.rows()
    with nexus.installation.importer() as importer, importer.transaction():
        importer.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISH_LOCK,))
        code, said = shell.run(nexus, "--undo", STAGE_RUN, "--yes")
    assert code == 1
    assert said.count("A live table is locked by somebody else; trying again") == 2
    assert "Live tables were locked by others for too long; live Nexus is unchanged. Try again when" in said
    assert nexus.rows() == before


class InTheBackground:
    """Does something in a thread, and keeps what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.error: NexusImportError | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except NexusImportError as error:
            self.error = error

    def end(self) -> str:
        """Wait until it is done and return what it said when it refused."""
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
        return str(self.error or "")


@pytest.fixture
def held_at_the_end(nexus: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], Any]:
    """Return a function that, when `target` is first called, starts work in the background and waits until that waits.

    It is called when every row is written and nothing committed. Afterwards `started` holds the work.
    """

    def arrange(target: str, work: Callable[[], object]) -> list[InTheBackground]:
        module, _, name = target.rpartition(".")
        original = getattr(__import__(module, fromlist=[name]), name)
        started: list[InTheBackground] = []

        def first_wait(*arguments: Any) -> Any:
            if not started:
                started.append(InTheBackground(work))
                wait_for_writer(nexus)
            return original(*arguments)

        monkeypatch.setattr(target, first_wait)
        return started

    return arrange


def test_of_two_undos_at_once_one_is_refused(nexus: Scene, second: ManualRun, held_at_the_end: Any) -> None:
    with open_restorer(nexus.installation) as one, open_restorer(nexus.installation) as other:
        plans = [rehearse(connection) for connection in (one, other)]
        for connection, plan in zip((one, other), plans, strict=True):
            answer(connection, plan)
        started = held_at_the_end("nexus_import.nexus.restore.undoing.record_undo", lambda: undo(other, plans[1]))
        undo(one, plans[0])
        assert started[0].end().startswith(f"The publish of run {second.run_id} was undone already, by admin at ")
    assert standing(nexus) == [STAGE_RUN]
    assert nexus.value("SELECT count(*) FROM nexus_import.restore") == 1


def test_publish_that_waits_for_an_undo_is_refused(
    nexus: Scene, first: ManualRun, second: ManualRun, between: Rows, held_at_the_end: Any
) -> None:
    late = ManualRun(first.installation, first.connection)
    late.copy()
    late.work("DELETE FROM nexus_work.appointments")
    late.plan()
    with open_restorer(nexus.installation) as restorer:
        plan = rehearse(restorer)
        answer(restorer, plan)
        started = held_at_the_end("nexus_import.nexus.restore.undoing.record_undo", late.publish)
        undo(restorer, plan)
        assert "A publish was undone in live Nexus since it was copied" in started[0].end()
    assert nexus.rows() == between
    assert standing(nexus) == [STAGE_RUN]


def test_undo_that_waits_for_a_publish_is_refused(nexus: Scene, first: ManualRun, held_at_the_end: Any) -> None:
    with open_restorer(nexus.installation) as restorer:
        plan = rehearse(restorer)
        answer(restorer, plan)
        started = held_at_the_end("nexus_import.nexus.publish.remember", lambda: undo(restorer, plan))
        second = publish_more(first)
        assert started[0].end().startswith(f"Run {second.run_id} has published since: undo that first, then run")
    assert standing(nexus) == [STAGE_RUN, second.run_id]
