"""The report in each state as a person sees it: readable on a desk and a phone, in light and dark.

`REPORT_PICTURES=FOLDER python -m pytest tests/web/test_looks.py` leaves a picture of each there, for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.core.report_phases import TaskNow
from nexus_import.nexus.journal import create_journal
from nexus_import.web.airflow_side import RunNow
from playwright.sync_api import Page

from bench.journal_filler import fill
from tests.e2e.browser import assert_readable, new_page
from tests.web.journals import LARGE_TABLES, REASONS, RUN, STATES, table_name, waiting
from tests.web.pages import ScriptedAirflow, address, open_pages

pytestmark = pytest.mark.browser

RUNS, FINDINGS = 14, 1_200


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with new_page() as opened:
        yield opened


@pytest.fixture
def journal(installation: Any) -> Iterator[Any]:
    """A connection to a journal of some runs, which commits each statement."""
    with installation.importer() as connection:
        with connection.transaction():
            create_journal(connection)
            fill(connection, RUNS, FINDINGS, plan_rows=600)
        connection.autocommit = True
        yield connection


def assert_page_readable(page: Page, text: str, name: str) -> None:
    """Hold a page, as the server gave it, against axe-core on every device."""
    assert_readable(page, lambda: page.set_content(text), name)


@pytest.mark.parametrize("said", STATES)
def test_each_state_of_a_run_is_read_at_a_glance(page: Page, journal: Any, said: str) -> None:
    state = STATES[said]
    now = state(journal)
    text = open_pages(ScriptedAirflow(runs={RUN: now} if now else {})).get(address(RUN)).text
    assert_page_readable(page, text, state.__name__)
    headline = page.inner_text("#headline")
    assert said.startswith(headline)
    # what is to be done stands above the fold of a phone
    assert page.locator(".banner .next").bounding_box()["y"] < 900  # type: ignore[index]


def test_a_large_plan_says_first_what_is_lost_and_leaves_nothing_out(page: Page, journal: Any) -> None:
    now = waiting(journal)
    page.set_content(open_pages(ScriptedAirflow(runs={RUN: now})).get(address(RUN)).text)
    sections = page.locator("h2").all_inner_texts()
    assert sections.index("What would be lost") < sections.index("What would change")
    lost = page.locator("section[aria-labelledby=h-lost]")
    assert "18,000 rows of 36 tables would be removed" in lost.inner_text()
    assert lost.locator("li").count() == 13
    planned = page.locator("section[aria-labelledby=h-plan]")
    shown = planned.locator("table").first
    assert shown.locator("tbody tr").count() == 1 + 12
    assert shown.locator(".total").inner_text().split()[-4:] == ["89,736", "193,128", "18,000", "4,800,000"]
    page.locator("#d-tables summary").click()
    named = {row.inner_text() for row in planned.locator("tbody th[scope=row]").all() if "kind" in row.inner_text()}
    assert {name for name in named if "column" not in name} == {table_name(number) for number in range(LARGE_TABLES)}
    # the headline has room for some of the reasons; all of them stand below
    assert planned.get_by_text("more than 1 %").count() == REASONS


def test_a_list_of_runs_and_its_findings_are_readable(page: Page, journal: Any) -> None:
    pages = open_pages(ScriptedAirflow())
    assert_page_readable(page, pages.get("/").text, "runs")
    assert_page_readable(page, pages.get(address(RUN, "/findings")).text, "findings")
    assert_page_readable(page, pages.get(address(RUN, "/plan/patients/change")).text, "plan")


def test_nothing_yet_and_nothing_reached_are_readable(
    page: Page, installation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = RunNow("failed", [TaskNow("start.record_attempt", "failed")])
    pages = open_pages(ScriptedAirflow(runs={RUN: begun}))
    assert_page_readable(page, pages.get("/").text, "empty")
    assert_page_readable(page, pages.get(address(RUN)).text, "nothing_to_report")
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB", "postgres://nobody@127.0.0.1:1/none")
    assert_page_readable(page, pages.get("/").text, "error")
