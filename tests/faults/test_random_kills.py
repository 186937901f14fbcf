"""The import is killed at random messages, from its first task to its last: live Nexus is whole, and it goes on.

Each point is a task, a message of that task on any of the three connections, and how a person goes on: by clearing
the task that the verdict names, or with a new run. It lies in a first import or in a later one, whose plan removes,
cascades, changes and swaps (`scenarios.py`). `NEXUS_IMPORT_KILL_SEED` repeats the points of an earlier time.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.nexus.backup import find_damage as find_backup_damage
from nexus_import.nexus.manifest import MANIFEST
from nexus_import.settings import read_policy
from nexus_import.snapshot import find_damage as find_snapshot_damage
from nexus_import.storage import ObjectStore

from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE
from tests.faults.scenarios import (
    LAST_TASK,
    Scenario,
    Whole,
    first_import,
    require_everything_happens,
    start_later_import,
    start_whole,
)
from tests.support.installation import BUCKET, Installation, Parts
from tests.support.runs import Run
from tests.support.task_processes import TaskProcess
from tests.support.wired import Once, open_wires

SEED_VARIABLE = "NEXUS_IMPORT_KILL_SEED"
POINTS, DEEP_POINTS = 6, 500
WORKERS = 2
TOLD_EVERY = 50
PREFIX = read_policy().storage.prefix
NEW_RUNS = 0.2
"""Share of the points after which somebody triggers a new run instead of clearing the old one."""


@dataclass(frozen=True)
class Point:
    """Where the process is killed in which kind of run, and whether a new run follows."""

    number: int
    scenario: str
    task_id: str
    message: int
    is_new_run: bool


@pytest.fixture(scope="module")
def first(parts: Parts, dag: Any, run_past_gate_0: Run) -> Drawn:
    scenario = first_import(parts, dag, run_past_gate_0)
    with start_whole(scenario) as (_, whole):
        return Drawn(scenario, whole)


@pytest.fixture(scope="module")
def later(parts: Parts, dag: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    with start_later_import(parts, dag, tmp_path_factory.mktemp("later")) as scenario:
        with start_whole(scenario) as (run, whole):
            require_everything_happens(run)
        yield Drawn(scenario, whole)


def test_no_task_comes_to_the_database_as_its_owner(first: Drawn, later: Drawn) -> None:
    """What these two may and may not do there is in tests/nexus/test_grants.py."""
    assert first.whole.roles == later.whole.roles == {IMPORT_ROLE, BACKUP_ROLE}


@dataclass(frozen=True)
class Drawn:
    """What points are drawn from: how a kind of run begins, and one that nobody killed."""

    scenario: Scenario
    whole: Whole

    def check(self, point: Point) -> None:
        """Kill a run at the point, look at what is there, and let it go on; raise AssertionError if it is wrong."""
        with ExitStack() as stack:
            run = stack.enter_context(self.scenario.begun(point.task_id))
            installation = run.installation
            stack.callback(forget_objects, installation, self.scenario.common_runs)
            before = installation.live()
            with open_wires(installation, rule := Once(lambda _: True, number=point.message)) as environment:
                process = TaskProcess(run, environment | self.scenario.include, LAST_TASK)
                rule.action = process.kill_and_cut
                process.start().wait()
            assert rule.has_happened, "the task sends fewer messages than it did"
            assert process.killed_in is not None
            is_published = self._is_old_or_new(run, before)
            require_whole_objects(run)
            self.scenario.go(run)
            assert not run.is_green
            assert ("Published but unverified" in run.last_words) == is_published, run.last_words
            if point.is_new_run:
                run = self.scenario.new_run(installation)
            else:
                run.clear(run.named_task)
            self.scenario.go(run)
            assert run.is_green, run.last_words
            assert installation.live(without_times=True) == self.whole.published
            verified = "SELECT verified_at IS NOT NULL FROM nexus_import.publication WHERE run_id = %s"
            assert installation.rows(verified, run.run_id) == [(True,)]
            require_whole_objects(run)

    def _is_old_or_new(self, run: Run, before: dict[str, str]) -> bool:
        """Tell whether live Nexus is new; it must be if the journal says so, and old if not."""
        is_published = bool(journal(run, "publication", "1"))
        if is_published:
            assert run.installation.live(without_times=True) == self.whole.published
        else:
            assert run.installation.live() == before
        return is_published


def journal(run: Run, table: str, columns: str) -> list[tuple[Any, ...]]:
    """Return what a table of the journal, which may not be there yet, has of the run."""
    if run.installation.value("SELECT to_regclass(%s) IS NULL", f"nexus_import.{table}"):
        return []
    return run.installation.rows(f"SELECT {columns} FROM nexus_import.{table} WHERE run_id = %s", run.run_id)


def require_whole_objects(run: Run) -> None:
    """Raise AssertionError unless the journal's backups and snapshots are whole, and whatever has a manifest."""
    store = ObjectStore(run.installation.s3(), BUCKET, PREFIX, "AES256")
    for kind, find_damage in (("backup", find_backup_damage), ("snapshot", find_snapshot_damage)):
        known = dict(journal(run, kind, "manifest_key, manifest_sha256"))
        found = [key for key in store.list_keys(store.key(f"{kind}s", run.run_id, "")) if key.endswith(MANIFEST)]
        checksums = {key: hashlib.sha256(store.get_bytes(key)).hexdigest() for key in found} | known
        damage = {key: find_damage(store, key, checksum) for key, checksum in checksums.items()}
        assert not any(damage.values()), damage
    assert bool(journal(run, "publication", "1")) <= bool(journal(run, "backup", "1"))


def forget_objects(installation: Installation, common_runs: frozenset[str]) -> None:
    """Remove what an installation's own runs stored, or the listings of the next ones get longer and longer."""
    s3 = installation.s3()
    for (run_id,) in installation.rows("SELECT DISTINCT run_id FROM nexus_import.attempt"):
        for kind in ("backups", "snapshots", "reports") if run_id not in common_runs else ():
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{kind}/{run_id}/")
            keys = [{"Key": entry["Key"]} for page in pages for entry in page.get("Contents", [])]
            if keys:
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})


def draw(kinds: list[Drawn], seed: int, count: int) -> list[tuple[Drawn, Point]]:
    """Return points: two by two of each kind of run, in any task, or in one as often as it sends messages.

    So short tasks are met, and publish and phases, which send most, are met often.
    """
    chance = random.Random(seed)
    points = []
    for number in range(1, count + 1):
        drawn = kinds[(number - 1) // 2 % len(kinds)]
        messages = drawn.whole.messages
        tasks = sorted(messages)
        task_id = chance.choices(tasks, [messages[task] for task in tasks])[0] if number % 2 else chance.choice(tasks)
        message = chance.randint(1, messages[task_id])
        points.append((drawn, Point(number, drawn.scenario.name, task_id, message, chance.random() < NEW_RUNS)))
    return points


@pytest.mark.parametrize(
    ("count", "workers"),
    [(POINTS, 1), pytest.param(DEEP_POINTS, WORKERS, marks=[pytest.mark.deep, pytest.mark.timeout(5400)])],
    ids=["some", "many"],
)
def test_killed_at_random_messages(
    first: Drawn, later: Drawn, count: int, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    failed: list[str] = []

    def check(drawn: Drawn, point: Point) -> None:
        try:
            drawn.check(point)
        except Exception as error:
            failed.append(f"{point}: {error!r}")
            tell(failed[-1])

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")
            sys.stdout.flush()

    tell(f"{count} points, {SEED_VARIABLE}={seed}")
    pool = ThreadPoolExecutor(workers)
    try:
        for done, _ in enumerate(pool.map(check, *zip(*draw([later, first], seed, count), strict=True)), 1):
            if not done % TOLD_EVERY:
                tell(f"{done} done, {len(failed)} failed")
    finally:
        # who interrupts the test does not wait for the points that are left
        pool.shutdown(cancel_futures=True)
    assert not failed, f"{SEED_VARIABLE}={seed}: {len(failed)} of {count}:\n" + "\n".join(failed)
