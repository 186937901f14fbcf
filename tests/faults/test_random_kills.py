"""The import is killed at random messages, from its first task to its last: live Nexus is whole, and it goes on.

Each point is a task, a message of that task on any of the three connections, and how a person goes on: by clearing
the task that the verdict names, or with a new run. `NEXUS_IMPORT_KILL_SEED` repeats the points of an earlier time.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.settings import read_policy

from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE
from tests.support.copies import PARAMETERS, start_copy_elsewhere
from tests.support.installation import BUCKET, Installation, Parts, start_installation
from tests.support.runs import Run
from tests.support.task_processes import TaskProcess, go
from tests.support.wire import STARTUP, Message
from tests.support.wired import Once, Tally, open_wires

SEED_VARIABLE = "NEXUS_IMPORT_KILL_SEED"
POINTS, DEEP_POINTS = 6, 500
WORKERS = 2
TOLD_EVERY = 50
PREFIX = read_policy().storage.prefix
LAST_TASK = "publish.verify_live"
GATE_0 = "phase_0_validate.gate"
NEW_RUNS = 0.2
"""Share of the points after which somebody triggers a new run instead of clearing the old one."""


@dataclass(frozen=True)
class Point:
    """Where the process is killed, and whether a new run follows."""

    number: int
    task_id: str
    message: int
    is_new_run: bool


@dataclass(frozen=True)
class Whole:
    """A run that nobody killed: messages by task, roles that came to Nexus's database, what live Nexus holds then."""

    messages: dict[str, int]
    roles: set[str]
    published: dict[str, str]


@pytest.fixture(scope="module")
def whole(parts: Parts, dag: Any) -> Whole:
    messages: dict[str, int] = {}
    tally = Tally()
    roles: set[str] = set()
    at_work: list[str] = []

    def watch(message: Message) -> None:
        tally(message)
        if message.kind == STARTUP and b"user\0" in message.body:
            roles.add(message.body.split(b"user\0", 1)[1].split(b"\0", 1)[0].decode())

    def note(task_id: str | None) -> None:
        if task_id is not None:
            at_work[:] = [task_id]
            messages[task_id] = -tally.counts.total()
        else:
            messages[at_work[0]] += tally.counts.total()

    with start_installation(parts) as installation, open_wires(installation, watch) as environment:
        run = Run(installation, dag, dict(PARAMETERS))
        TaskProcess(run, environment, LAST_TASK, on_task=note).start().wait()
        assert run.states[LAST_TASK] == "success"
        sending = {task: count for task, count in messages.items() if count}
        return Whole(sending, roles, installation.live(without_times=True))


def test_no_task_comes_to_the_database_as_its_owner(whole: Whole) -> None:
    """What these two may and may not do there is in tests/nexus/test_grants.py."""
    assert whole.roles == {IMPORT_ROLE, BACKUP_ROLE}


@pytest.fixture
def killing(parts: Parts, dag: Any, whole: Whole, run_past_gate_0: Run) -> Killing:
    return Killing(parts, dag, whole, run_past_gate_0)


@dataclass(frozen=True)
class Killing:
    """Everything that a point needs."""

    parts: Parts
    dag: Any
    whole: Whole
    run_past_gate_0: Run

    def check(self, point: Point) -> None:
        """Kill a run at the point, look at live Nexus, and let it go on; raise AssertionError if anything is wrong."""
        with self._begun(point) as run:
            installation = run.installation
            before = installation.live()
            with open_wires(installation, rule := Once(lambda _: True, number=point.message)) as environment:
                process = TaskProcess(run, environment, LAST_TASK)
                rule.action = process.kill_and_cut
                process.start().wait()
            assert rule.has_happened, "the task sends fewer messages than it did"
            assert process.killed_in is not None
            is_published = self._is_old_or_new(installation, before)
            go(run, installation.environment())
            assert not run.is_green
            assert ("Published but unverified" in run.last_words) == is_published, run.last_words
            if point.is_new_run:
                run = Run(installation, self.dag, dict(PARAMETERS))
            else:
                run.clear(run.named_task)
            go(run, installation.environment())
            assert run.is_green, run.last_words
            assert installation.live(without_times=True) == self.whole.published
            verified = "SELECT verified_at IS NOT NULL FROM nexus_import.publication WHERE run_id = %s"
            assert installation.rows(verified, run.run_id) == [(True,)]

    @contextmanager
    def _begun(self, point: Point) -> Iterator[Run]:
        """Yield a run that has come to the point's task: from its own beginning, or from a common one at gate 0."""
        order = [task.task_id for task in self.dag.topological_sort()]
        place, gate = order.index(point.task_id), order.index(GATE_0)
        with ExitStack() as stack:
            if place <= gate:
                installation = stack.enter_context(start_installation(self.parts))
                run = Run(installation, self.dag, dict(PARAMETERS))
            else:
                run = stack.enter_context(start_copy_elsewhere(self.parts, self.run_past_gate_0))
            stack.callback(forget_objects, run.installation, self.run_past_gate_0.run_id)
            if place and order[place - 1] not in run.states:
                go(run, run.installation.environment(), order[place - 1])
            assert set(run.states.values()) <= {"success", "skipped"}
            yield run

    def _is_old_or_new(self, installation: Installation, before: dict[str, str]) -> bool:
        """Tell whether live Nexus is new; it must be if the journal says so, and old if not."""
        is_published = bool(
            installation.value("SELECT to_regclass('nexus_import.publication') IS NOT NULL")
            and installation.value("SELECT count(*) FROM nexus_import.publication")
        )
        if is_published:
            assert installation.live(without_times=True) == self.whole.published
        else:
            assert installation.live() == before
        return is_published


def forget_objects(installation: Installation, common_run: str) -> None:
    """Remove what an installation's own runs stored, or the listings of the next ones get longer and longer."""
    s3 = installation.s3()
    for (run_id,) in installation.rows(
        "SELECT DISTINCT run_id FROM nexus_import.attempt WHERE run_id <> %s", common_run
    ):
        for kind in ("backups", "snapshots", "reports"):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{kind}/{run_id}/")
            keys = [{"Key": entry["Key"]} for page in pages for entry in page.get("Contents", [])]
            if keys:
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})


def draw(whole: Whole, seed: int, count: int) -> list[Point]:
    """Return points: in turn any task, or one as often as it sends messages; and of its messages any.

    So short tasks are met, and publish and phases, which send most, are met often.
    """
    chance = random.Random(seed)
    tasks = sorted(whole.messages)
    weights = [whole.messages[task] for task in tasks]
    points = []
    for number in range(1, count + 1):
        task_id = chance.choices(tasks, weights)[0] if number % 2 else chance.choice(tasks)
        message = chance.randint(1, whole.messages[task_id])
        points.append(Point(number, task_id, message, chance.random() < NEW_RUNS))
    return points


@pytest.mark.parametrize(
    ("count", "workers"),
    [(POINTS, 1), pytest.param(DEEP_POINTS, WORKERS, marks=[pytest.mark.deep, pytest.mark.timeout(5400)])],
    ids=["some", "many"],
)
def test_killed_at_random_messages(
    killing: Killing, count: int, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    failed: list[str] = []

    def check(point: Point) -> None:
        try:
            killing.check(point)
        except Exception as error:
            failed.append(f"{point}: {error!r}")

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")
            sys.stdout.flush()

    tell(f"{count} points, {SEED_VARIABLE}={seed}")
    pool = ThreadPoolExecutor(workers)
    try:
        for done, _ in enumerate(pool.map(check, draw(killing.whole, seed, count)), 1):
            if not done % TOLD_EVERY:
                tell(f"{done} done, {len(failed)} failed")
    finally:
        # who interrupts the test does not wait for the points that are left
        pool.shutdown(cancel_futures=True)
    assert not failed, f"{SEED_VARIABLE}={seed}: {len(failed)} of {count}:\n" + "\n".join(failed)
