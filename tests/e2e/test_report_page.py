"""The import report in Airflow's own UI: found, followed, understood, and read by whoever may only look.

`REPORT_PICTURES=FOLDER python -m pytest tests/e2e/test_report_page.py` leaves pictures there; run.png and report.png
are those of README.md, to be copied to docs/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Frame, Page

from tests.e2e import hands
from tests.e2e.browser import PICTURES, assert_readable, logged_in
from tests.e2e.import_run import APPROVE, DAG_ID, WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.world import World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

FOLLOW_MS = 240_000
"""A folder for pictures of each state, for people; none are taken without it."""


@pytest.fixture(scope="module")
def page(fresh: World) -> Iterator[Page]:
    """A viewer at the UI: somebody who may look, and nothing else."""
    places = fresh.stack.addresses
    with logged_in(places.airflow_url, places.airflow_viewer, places.airflow_viewer_password) as opened:
        yield opened


@pytest.fixture(scope="module")
def stopped(fresh: World) -> ImportRun:
    """A run that a gate stopped: a patient in FileMaker has no clinic."""
    record = fresh.filemaker_records("API_Contacts")[3]
    fresh.filemaker("PATCH", f"layouts/API_Contacts/records/{record['recordId']}", {"fieldData": {"clinic_name": ""}})
    run = fresh.start()
    assert run.wait() == "failed"
    fresh.filemaker("POST", "reset")
    return run


def own_address(world: World, run: ImportRun | None = None, page: str = "") -> str:
    below = f"dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}{page}" if run else ""
    return f"{world.stack.addresses.airflow_url}/nexus/{below}"


def open_tab(page: Page, world: World, run: ImportRun) -> Frame:
    """Open the run in Airflow, choose the tab, and return the frame of the report."""
    page.goto(f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}")
    page.get_by_role("link", name="Import report").click()
    frame = page.locator("iframe[title='Import report']").element_handle().content_frame()
    assert frame
    frame.wait_for_selector("#headline")
    return frame


def assert_page_readable(page: Page, address: str, name: str) -> None:
    """Hold a page against axe-core on every device; the page is as wide as a desk again afterwards."""
    assert_readable(page, lambda: page.goto(address), name)
    page.set_viewport_size({"width": 1600, "height": 1000})


def test_1_the_menu_entry_shows_all_runs(fresh: World, page: Page, stopped: ImportRun) -> None:
    page.goto(fresh.stack.addresses.airflow_url)
    page.get_by_role("link", name="Nexus import").click()
    frame = page.locator("iframe[title='Nexus import']").element_handle().content_frame()
    assert frame
    frame.get_by_role("heading", name="Nexus import").wait_for()
    frame.locator(f"a[href$='{quote(stopped.run_id, safe='')}']").click()
    frame.wait_for_selector("#headline")
    assert frame.inner_text("#headline") == "Stopped"
    assert_page_readable(page, own_address(fresh), "runs")


def test_2_a_stopped_run_says_what_to_mend_and_what_to_clear(fresh: World, page: Page, stopped: ImportRun) -> None:
    frame = open_tab(page, fresh, stopped)
    banner = frame.inner_text(".banner")
    assert "phase_0/patients_have_clinic_name" in banner
    assert "Then clear phase_0_validate.verify_filemaker with downstream." in banner
    # by the keyboard, as some have to
    frame.press("a[href*='findings?check=phase_0']", "Enter")
    frame.get_by_role("heading", name="Findings").wait_for()
    assert fresh.filemaker_records("API_Contacts")[3]["recordId"] in frame.inner_text("table")
    assert_page_readable(page, own_address(fresh, stopped), "stopped")
    assert_page_readable(page, own_address(fresh, stopped, "/findings"), "findings")


def test_3_a_link_to_airflow_leaves_the_frame(fresh: World, page: Page, stopped: ImportRun) -> None:
    open_tab(page, fresh, stopped).click("#to-log")
    page.wait_for_url("**/tasks/phase_0_validate.verify_filemaker*")


def test_4_the_page_follows_a_run_until_it_waits_and_has_ended(fresh: World, page: Page) -> None:
    run = fresh.start(approval="always")
    frame = open_tab(page, fresh, run)
    assert frame.query_selector("#live[data-live]")
    # functions, not expressions: the page's policy forbids what would evaluate a text
    frame.wait_for_function("() => document.getElementById('headline').textContent.startsWith('Running: Phase')")
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / "running.png"))
    frame.wait_for_function(
        "() => document.getElementById('headline').textContent === 'Waiting for you'", timeout=FOLLOW_MS
    )
    assert run.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    frame.press("#d-columns summary", "Enter")
    frame.focus("#to-answer")
    said = frame.inner_text("#refreshed")
    frame.wait_for_function("said => document.getElementById('refreshed').textContent !== said", arg=said)
    assert frame.evaluate("document.activeElement.id") == "to-answer"
    assert frame.evaluate("document.getElementById('d-columns').open")
    assert_page_readable(page, own_address(fresh, run), "waiting")
    if PICTURES:
        take_pictures_of_readme(page, fresh, run, Path(PICTURES))
    frame = open_tab(page, fresh, run)
    run.client.answer(DAG_ID, run.run_id, APPROVE, ["Approve"])
    assert run.wait() == "success", run.last_words()
    frame.wait_for_function("() => document.getElementById('headline').textContent === 'Published'")
    frame.wait_for_function("() => !document.getElementById('live').hasAttribute('data-live')")
    assert "admin\tasked to answer the question (publish.approve_plan)" in frame.inner_text("section:last-of-type")
    assert_page_readable(page, own_address(fresh, run), "published")


def test_5_dark_is_dark_as_airflow_is(fresh: World, page: Page, stopped: ImportRun) -> None:
    page.emulate_media(color_scheme="light")
    frame = open_tab(page, fresh, stopped)
    colours = []
    for theme in ("light", "dark"):
        page.evaluate(
            "t => { const c = document.documentElement.classList; c.remove('light', 'dark'); c.add(t); }", theme
        )
        frame.wait_for_function("t => document.documentElement.dataset.theme === t", arg=theme)
        colours.append(frame.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


def take_pictures_of_readme(page: Page, world: World, run: ImportRun, folder: Path) -> None:
    """Leave the pictures that README.md shows: the run in Airflow, and its report."""
    page.set_viewport_size({"width": 1600, "height": 640})
    page.emulate_media(color_scheme="light")
    page.goto(f"{world.stack.addresses.airflow_url}/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}")
    page.get_by_text("Phase 8: Post-Import").first.wait_for()
    page.get_by_text("Required Action").first.wait_for()
    page.screenshot(path=str(folder / "run.png"))
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto(own_address(world, run))
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.screenshot(path=str(folder / "report.png"))


def viewer_token(world: World) -> str:
    places = world.stack.addresses
    body = {"username": places.airflow_viewer, "password": places.airflow_viewer_password}
    token: str = requests.post(f"{places.airflow_url}/auth/token", json=body, timeout=30).json()["access_token"]
    return token


def test_6_nobody_sees_a_page_without_being_somebody(fresh: World, stopped: ImportRun) -> None:
    token = viewer_token(fresh)
    for address in (own_address(fresh), *(own_address(fresh, stopped, p) for p in ("", "/findings", "/findings.csv"))):
        assert requests.get(address, timeout=30).status_code == 401
        answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code == 200
        assert fresh.personal_values(answer.text) == []


def test_7_a_viewer_presses_trigger_and_clear_in_vain(fresh: World, page: Page, stopped: ImportRun) -> None:
    """Airflow shows these buttons to everybody."""
    page.set_viewport_size({"width": 1600, "height": 1000})
    run_ids = {run["dag_run_id"] for run in fresh.client.runs(DAG_ID)}
    assert hands.ask_to_trigger(page, fresh).status == 403
    hands.open_task(page, fresh, stopped, stopped.named_task())
    with page.expect_response(lambda said: said.url.endswith("/clearTaskInstances")) as answered:
        page.get_by_role("button", name="Press shift+c to clear").click()
    assert answered.value.status == 403
    assert {run["dag_run_id"] for run in fresh.client.runs(DAG_ID)} == run_ids
    assert fresh.client.run(DAG_ID, stopped.run_id)["state"] == "failed"
