"""The import by itself: a slot that is over is skipped when the DAG is switched on, one that is due runs and asks.

The slot is made due by writing the schedule, as an administrator would, and waiting until Airflow has read it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from nexus_import.core.include import include_folder
from nexus_import.settings import read_policy
from playwright.sync_api import Page

from local.airflow import ADMIN
from tests.e2e import hands
from tests.e2e.browser import logged_in
from tests.e2e.import_run import APPROVE, DAG_ID, WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.test_gate_and_approval import PAUSE_BEFORE_AN_ANSWER_SECONDS
from tests.e2e.world import POLL_SECONDS, World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

READ_WITHIN_SECONDS = 180.0
STARTED_WITHIN_SECONDS = 120.0
MISSED = timedelta(hours=2)
"""Longer ago than the launch window, and less than a tenth of a day: of a DAG that no schedule ever started, Airflow
3.3.2 starts the missed slot only when that is so near. Of one with history it starts any."""


@pytest.fixture(scope="module")
def page(fresh: World) -> Iterator[Page]:
    with logged_in(fresh.stack.addresses.airflow_url, ADMIN, fresh.stack.addresses.airflow_password) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(fresh: World) -> Iterator[None]:
    """Put the schedule back afterwards, and leave the DAG as the other stories have it."""
    path = include_folder() / "policy.yaml"
    before = path.read_text()
    yield
    fresh.client.unpause(DAG_ID, paused=True)
    path.write_text(before)
    wait_until_read(fresh, read_policy().schedule.cron)
    fresh.client.unpause(DAG_ID)
    for run in fresh.client.runs(DAG_ID):
        ImportRun(fresh.client, run["dag_run_id"]).wait()


def write_schedule(world: World, slot: datetime, **changes: Any) -> None:
    """Write a schedule whose last slot was at `slot`, and wait until Airflow has read it."""
    path = include_folder() / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    policy["schedule"] |= {"cron": f"{slot.minute} {slot.hour} * * *", **changes}
    path.write_text(yaml.safe_dump(policy))
    wait_until_read(world, policy["schedule"]["cron"])


def wait_until_read(world: World, cron: str) -> None:
    deadline = time.monotonic() + READ_WITHIN_SECONDS
    while (world.client.dag(DAG_ID) or {}).get("timetable_summary") != cron:
        assert time.monotonic() < deadline, f"Airflow has not read the schedule {cron}"
        time.sleep(POLL_SECONDS)


def switch_on(world: World, page: Page) -> ImportRun:
    """Switch the DAG on in the UI and return the scheduled run that comes of it."""
    known = {run["dag_run_id"] for run in world.client.runs(DAG_ID)}
    page.goto(f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}")
    page.locator("[data-scope=switch][data-part=control]").first.click()
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while not (new := [run for run in world.client.runs(DAG_ID) if run["dag_run_id"] not in known]):
        assert time.monotonic() < deadline, "no run came of it"
        time.sleep(POLL_SECONDS)
    assert [run["run_type"] for run in new] == ["scheduled"]
    return ImportRun(world.client, new[0]["dag_run_id"])


def test_1_a_slot_that_is_over_is_skipped_and_green(fresh: World, page: Page, written: None) -> None:
    fresh.client.unpause(DAG_ID, paused=True)
    before = fresh.live()
    write_schedule(fresh, datetime.now(read_policy().zone) - MISSED)
    run = switch_on(fresh, page)
    assert run.wait() == "success"
    assert run.tasks()["phase_0_validate.back_up_database"]["state"] == "skipped"
    assert any("Skipped: the slot of" in line for line in run.log("start.record_attempt"))
    assert fresh.mails(run) == {}
    assert fresh.live() == before


@pytest.fixture(scope="module")
def before(fresh: World) -> dict[str, str]:
    return fresh.live()


@pytest.fixture(scope="module")
def due(fresh: World, page: Page, written: None, before: dict[str, str]) -> ImportRun:
    """A scheduled run that is on time, outside the window in which it may publish unasked."""
    fresh.client.unpause(DAG_ID, paused=True)
    now = datetime.now(read_policy().zone)
    window = [f"{now + timedelta(hours=hours):%H:%M}" for hours in (10, 11)]
    write_schedule(fresh, now - timedelta(minutes=1), publish_window=window)
    return switch_on(fresh, page)


def test_2_one_that_is_due_runs_and_asks_outside_its_publish_window(fresh: World, due: ImportRun) -> None:
    due.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    assert "it is outside the publish window" in due.question(APPROVE)
    assert "started by the schedule" in fresh.mails(due)["Nexus import started (publish)"]
    assert fresh.rows("SELECT count(*) FROM nexus_import.publication") == [(0,)]


def test_3_rejected_in_the_browser_it_is_red_and_live_nexus_is_unchanged(
    fresh: World, page: Page, due: ImportRun, before: dict[str, str]
) -> None:
    time.sleep(PAUSE_BEFORE_AN_ANSWER_SECONDS)
    hands.answer(page, fresh, due, "Reject")
    assert due.wait() == "failed"
    assert "Rejected by admin. Live Nexus is unchanged" in due.last_words()
    assert fresh.live() == before
