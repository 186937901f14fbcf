"""Others hold locks while a plan is published: readers and the server's own work do not matter, writers are awaited."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from nexus_import.nexus import locking

from tests.faults.troubles import asks_nexus, published_count
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.wire import Cut, Message
from tests.support.wired import Once, wired

PUBLISH = "publish.publish_plan"
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.02
WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE NOT granted AND datname = current_database()"
)
LOCKS_OF_THE_IMPORT = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE usename = 'nexus_import'"
    " AND datname = current_database() AND mode = 'ShareRowExclusiveLock' AND granted"
)
VACUUMED = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'appointments'::regclass"
NOT_IN_THE_PLAN = (
    "SELECT min(id::text) FROM patients WHERE NOT EXISTS"
    " (SELECT FROM nexus_import.plan_row WHERE plan_row.row_id = patients.id)"
)


def wait_until(is_so: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(POLL_SECONDS)


def test_long_reader_neither_waits_nor_is_waited_for(planned_run: Run, published: dict[str, str]) -> None:
    installation = planned_run.installation
    count = "SELECT count(*) FROM patients"
    with installation.owner() as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with reader.transaction():
            before = reader.execute(count).fetchall()
            assert planned_run.go().is_green
            assert reader.execute(count).fetchall() == before
        assert reader.execute(count).fetchall() != before
    assert installation.live(without_times=True) == published


def test_long_writer_is_waited_for_then_given_up_and_cleared_later(
    planned_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (50, 100))
    installation = planned_run.installation
    patient = installation.value(NOT_IN_THE_PLAN)
    with installation.owner() as writer, writer.transaction():
        writer.execute("UPDATE patients SET notes = 'written meanwhile' WHERE id = %s", (patient,))
        before = installation.live()
        planned_run.go()
        assert "Live tables were locked by others for too long" in str(planned_run.errors[PUBLISH])
        assert planned_run.named_task == PUBLISH
        assert installation.live() == before
    assert planned_run.clear(PUBLISH).go().is_green
    assert installation.value("SELECT notes FROM patients WHERE id = %s", patient) == "written meanwhile"


def test_writer_who_waits_for_the_publish_that_waits_for_her_goes_first(
    planned_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock: the publish steps back, and nobody at the practice sees an error."""
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (60_000, 60_000))
    installation = planned_run.installation
    patient = installation.value(NOT_IN_THE_PLAN)
    publisher = threading.Thread(target=planned_run.go)
    with installation.owner() as writer, writer.transaction():
        writer.execute("UPDATE patients SET notes = 'hers' WHERE id = %s", (patient,))
        publisher.start()
        wait_until(lambda: installation.value(WAITING), "the publish did not come to the patients")
        writer.execute("UPDATE appointments SET billing_notes = 'hers' WHERE patient_id = %s", (patient,))
    publisher.join(WAIT_SECONDS)
    assert planned_run.is_green
    assert installation.value("SELECT notes FROM patients WHERE id = %s", patient) == "hers"


@pytest.fixture
def slow_autovacuum(planned_run: Run) -> Installation:
    """The server vacuums the appointments, so slowly that it would take a minute."""
    installation = planned_run.installation
    installation.execute("UPDATE appointments SET billing_notes = billing_notes")
    installation.execute(
        "ALTER TABLE appointments SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    return installation


def test_autovacuum_gives_way(planned_run: Run, slow_autovacuum: Installation, published: dict[str, str]) -> None:
    cluster = slow_autovacuum.database.cluster
    with cluster.connect() as superuser:
        superuser.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        superuser.execute("SELECT pg_reload_conf()")
        try:
            wait_until(lambda: slow_autovacuum.value(VACUUMED), "nobody vacuums the appointments")
            assert planned_run.go().is_green
        finally:
            superuser.execute("ALTER SYSTEM RESET autovacuum_naptime")
            superuser.execute("SELECT pg_reload_conf()")
    assert slow_autovacuum.live(without_times=True) == published


def test_publish_that_falls_silent_holds_the_practice_up_no_longer_than_its_limit(
    planned_run: Run, published: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that publishes is lost with every row written; no end of its connection is ever seen."""
    monkeypatch.setattr(locking, "SILENCE_LIMIT_MS", 300)
    installation = planned_run.installation
    before = installation.live()

    def fall_silent(message: Message) -> None:
        assert installation.value(LOCKS_OF_THE_IMPORT) > 0
        wait_until(lambda: not installation.value(LOCKS_OF_THE_IMPORT), "the tables stay locked")
        raise Cut

    with wired(installation, Once(asks_nexus(b"INSERT INTO nexus_import.publication"), fall_silent)):
        planned_run.go()
    assert planned_run.named_task == PUBLISH
    assert installation.live() == before
    assert published_count(planned_run) == 0
    assert planned_run.clear(PUBLISH).go().is_green
    assert installation.live(without_times=True) == published
