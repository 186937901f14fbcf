"""A morning of the clinic's administrator, in the browser alone: rehearse, mend what is listed, publish, approve."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.airflow import ADMIN
from tests.e2e import hands
from tests.e2e.browser import logged_in
from tests.e2e.import_run import APPROVE, DAG_ID, WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.test_gate_and_approval import PAUSE_BEFORE_AN_ANSWER_SECONDS
from tests.e2e.world import POLL_SECONDS, World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CONTACTS = "API_Contacts"
MISSPELT = "Newcasle"
PATIENTS = 12
REMINDED_WITHIN_SECONDS = 240.0


@pytest.fixture(scope="module")
def page(fresh: World) -> Iterator[Page]:
    with logged_in(fresh.stack.addresses.airflow_url, ADMIN, fresh.stack.addresses.airflow_password) as opened:
        yield opened


@pytest.fixture(scope="module")
def patients(fresh: World) -> list[dict[str, Any]]:
    """The patients whose clinic somebody misspelt in FileMaker."""
    records = fresh.filemaker_records(CONTACTS)[:PATIENTS]
    for record in records:
        write_clinic(fresh, record, MISSPELT)
    return records


def write_clinic(world: World, record: dict[str, Any], clinic: str) -> None:
    world.filemaker("PATCH", f"layouts/{CONTACTS}/records/{record['recordId']}", {"fieldData": {"clinic_name": clinic}})


@pytest.fixture(scope="module")
def rehearsal(fresh: World, page: Page, patients: list[dict[str, Any]]) -> ImportRun:
    """A run that was triggered with the form as it comes up."""
    return hands.trigger(page, fresh)


def test_1_the_form_as_it_comes_up_rehearses(fresh: World, rehearsal: ImportRun) -> None:
    run = fresh.client.run(DAG_ID, rehearsal.run_id)
    assert run["triggering_user_name"] == ADMIN
    assert run["conf"] == {
        "mode": "rehearse",
        "approval": "when_unusual",
        "nexus_only": "keep",
        "configuration": "default",
    }
    assert rehearsal.wait() == "failed"


def test_2_the_log_of_the_red_task_ends_with_what_to_do(
    fresh: World, page: Page, rehearsal: ImportRun, patients: list[dict[str, Any]]
) -> None:
    hands.open_task(page, fresh, rehearsal, "end.outcome")
    log = page.get_by_text(f"{PATIENTS} break the rule").first
    expect(log).to_be_visible()
    expect(page.get_by_text(f"Clear {rehearsal.named_task()} with downstream").first).to_be_visible()
    found = fresh.rows(
        "SELECT record_id, suggestion FROM nexus_import.finding WHERE run_id = %s AND check_id = %s",
        rehearsal.run_id,
        "phase_0/clinic_names_exist",
    )
    assert {record for record, _ in found} == {record["recordId"] for record in patients}
    assert all("Newcastle" in suggestion for _, suggestion in found)
    assert fresh.assets_told_by(rehearsal) == []


def test_3_mended_and_cleared_with_the_dialog_it_comes_to_its_end(
    fresh: World, page: Page, rehearsal: ImportRun, patients: list[dict[str, Any]]
) -> None:
    before = fresh.live()
    for record in patients:
        write_clinic(fresh, record, record["fieldData"]["clinic_name"])
    hands.clear(page, fresh, rehearsal, rehearsal.named_task())
    assert rehearsal.wait() == "success", rehearsal.last_words()
    assert rehearsal.last_words().startswith("✅ Rehearsed")
    assert fresh.live() == before
    assert fresh.assets_told_by(rehearsal) == []
    read = fresh.truth["counts"]["filemaker"][CONTACTS]
    storage = hands.read_storage(page, fresh, rehearsal, "phase_0_validate.fetch_patients")
    assert f"patients: {read:,} of {read:,} (100 %)" in storage


@pytest.fixture(scope="module")
def publish(fresh: World, page: Page, rehearsal: ImportRun) -> ImportRun:
    """A run that publishes, and always asks."""
    return hands.trigger(page, fresh, mode="publish", approval="always")


def test_4_airflow_looks_whether_somebody_must_be_reminded(fresh: World, publish: ImportRun) -> None:
    publish.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    logs = fresh.stack.directory / "airflow" / "logs" / "executor_callbacks" / DAG_ID / publish.run_id
    deadline = time.monotonic() + REMINDED_WITHIN_SECONDS
    while "Callback executed successfully" not in (said := "".join(path.read_text() for path in logs.glob("*"))):
        assert time.monotonic() < deadline, "nobody looked"
        time.sleep(POLL_SECONDS)
    # where the machine is so slow that the question came later, there was nothing to remind of
    reminder = fresh.mails(publish).get("Nexus import still waits for approval")
    assert reminder is not None or "asks nothing" in said
    assert reminder is None or f"/tasks/{APPROVE}/required_actions" in reminder
    assert fresh.rows("SELECT count(*) FROM nexus_import.publication") == [(0,)]


def test_5_approved_in_the_browser_it_is_published(fresh: World, page: Page, publish: ImportRun) -> None:
    time.sleep(PAUSE_BEFORE_AN_ANSWER_SECONDS)
    hands.answer(page, fresh, publish, "Approve")
    assert publish.wait() == "success", publish.last_words()
    assert fresh.rows("SELECT answer, answered_by FROM nexus_import.approval WHERE run_id = %s", publish.run_id) == [
        ("Approve", ADMIN)
    ]
    expected = fresh.truth["counts"]["filemaker"][CONTACTS]
    assert fresh.rows("SELECT count(*) FROM patients") == [(expected,)]
    assert fresh.assets_told_by(publish) == ["nexus_imported"]
