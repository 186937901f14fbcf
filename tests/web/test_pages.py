"""The report's pages over a journal of 200 runs and 50,000 findings: what they show, and what they never do."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from nexus_import.core.report import AttemptLine
from nexus_import.core.report_phases import TaskNow
from nexus_import.nexus.report_pages import Blocks, FindingFilter, count_findings, find_blocks, page_of_findings
from nexus_import.web.airflow_side import RunNow
from psycopg import Connection

from bench.journal_filler import NEWEST, run_name
from tests.web.pages import ENDED, ScriptedAirflow, address, open_pages, text_of

NEWEST_RUN = run_name(0)
PAGES = ("", "/findings", "/findings?status=new", "/findings.csv", "/plan/patients/change", "/plan/patients/fate")


@pytest.fixture
def airflow(filled: Any) -> ScriptedAirflow:
    return ScriptedAirflow(runs={NEWEST_RUN: ENDED})


@pytest.fixture
def pages(airflow: ScriptedAirflow) -> TestClient:
    return open_pages(airflow)


@pytest.mark.parametrize("path", ["/", *(address(NEWEST_RUN, page) for page in PAGES)])
def test_every_page_asks_for_the_right_and_only_answers_get(airflow: ScriptedAirflow, path: str) -> None:
    assert open_pages(airflow, "").get(path).status_code == 401
    airflow.readers["stranger"] = set()
    assert open_pages(airflow, "stranger").get(path).status_code == 403
    pages = open_pages(airflow)
    assert pages.get(path).status_code == 200
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert pages.request(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/", *(address(NEWEST_RUN, page) for page in PAGES)])
def test_no_page_is_kept_or_lets_anything_in_from_elsewhere(pages: TestClient, path: str) -> None:
    answer = pages.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if "csv" not in path:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'nonce-")
        assert not re.search(r"https?://|@import|url\(|<[^>]+ (?:style|on\w+)=", answer.text)
        nonce = re.search(r"script-src 'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert nonce
        assert set(re.findall(r'<(?:script|style)[^>]*nonce="([^"]+)"', answer.text)) == {nonce[1]}


def test_the_list_shows_a_page_of_the_runs_newest_first(pages: TestClient) -> None:
    first, last = pages.get("/").text, pages.get("/?page=4").text
    assert len(re.findall(r'<th scope="row">', first)) == 50
    assert first.index(f"{NEWEST:%Y-%m-%d}") < first.index("2026-08-31")
    assert "Older" in first
    assert "Older" not in last
    assert "Newer" in last


def test_a_page_of_50_000_findings_shows_one_page_of_them(pages: TestClient) -> None:
    text = pages.get(address(NEWEST_RUN, "/findings")).text
    assert len(re.findall(r'<th scope="row"', text)) == 50
    assert "50,100 findings, 1 to 50 shown" in text_of(text)
    new = pages.get(address(NEWEST_RUN, "/findings?status=new&clinic=Newcastle&check=phase_0/rule_0&page=9"))
    assert "5 findings, 1 to 5 shown" in text_of(new.text)
    assert "Page 1 of 1" in text_of(new.text)


def test_findings_are_sorted_as_asked(pages: TestClient) -> None:
    text = pages.get(address(NEWEST_RUN, "/findings?sort=record&status=new")).text
    found = [int(number) for number in re.findall(r'class="id"><span class="part">(\d+)<', text)]
    assert len(found) == 50
    assert found == sorted(found)
    # what is no column of ours sorts nothing, and is no statement either
    assert pages.get(address(NEWEST_RUN, "/findings?sort=1;DROP")).status_code == 200


@pytest.mark.parametrize("sort", ["check", "clinic", "severity", "status", "record"])
@pytest.mark.parametrize("status", [None, "still open"])
def test_a_page_is_the_same_when_only_its_blocks_are_sorted(
    airflow: ScriptedAirflow, sort: str, status: str | None
) -> None:
    wanted = FindingFilter(sort=sort, status=status)
    with airflow.open_journal() as connection:
        groups = count_findings(connection, NEWEST_RUN)
        total = sum(group.finding_count for group in groups if wanted.takes(group))
        for skip in (0, 1_230, 4_990, 12_480, 24_990, total - 20):
            blocks = find_blocks(groups, wanted, 50, skip)
            assert sort == "record" or 1 <= len(blocks.names or ()) <= 12
            narrow = page_of_findings(connection, NEWEST_RUN, wanted, blocks, 50)
            assert narrow == page_of_findings(connection, NEWEST_RUN, wanted, Blocks(None, skip), 50)
            assert len(narrow) == min(50, total - skip)


def test_downloads_hold_what_the_filter_shows(pages: TestClient) -> None:
    answer = pages.get(address(NEWEST_RUN, "/findings.csv?status=new&clinic=(none)"))
    assert answer.headers["content-disposition"] == 'attachment; filename="findings.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 25
    assert {(row["clinic"], row["status"]) for row in rows} == {("", "new")}
    book = pages.get(address(NEWEST_RUN, "/findings.xlsx?status=new&clinic=Newcastle"))
    assert book.content.startswith(b"PK")
    assert pages.get(address(NEWEST_RUN, "/findings.exe")).status_code == 422


def test_the_plan_opens_to_the_ids_page_by_page(pages: TestClient) -> None:
    first = pages.get(address(NEWEST_RUN, "/plan/patients/change?column=title")).text
    assert len(re.findall(r'<th scope="row" class="id">[0-9a-f-]{36}<', first)) == 100
    assert "Next" in first
    assert "There is no such row" in pages.get(address(NEWEST_RUN, "/plan/patients/change?column=none")).text
    assert "Next" not in pages.get(address(NEWEST_RUN, "/plan/patients/change?page=10")).text


@contextmanager
def counted(airflow: ScriptedAirflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    statements: list[str] = []

    class Counting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **named: Any) -> Any:
            statements.append(str(query))
            return super().execute(query, *arguments, **named)

    opened = airflow.open_journal

    @contextmanager
    def open_journal() -> Iterator[Connection[Any]]:
        with opened() as connection:
            connection.cursor_factory = Counting
            yield connection

    monkeypatch.setattr(airflow, "open_journal", open_journal)
    yield statements


@pytest.mark.parametrize("page", ["", "/findings", "/plan/patients/change"])
def test_how_many_statements_a_page_takes_does_not_depend_on_the_rows(
    airflow: ScriptedAirflow, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """The newest run has 50,000 findings and 6,000 planned rows, the third has neither."""
    small_run = run_name(2)
    airflow.runs[small_run] = ENDED
    numbers = []
    for run_id in (NEWEST_RUN, small_run):
        with monkeypatch.context() as patch, counted(airflow, patch) as statements:
            assert open_pages(airflow).get(address(run_id, page)).status_code == 200
        numbers.append(len(statements))
    assert numbers[0] - numbers[1] in (0, 1)  # a page of no findings is not asked for
    assert numbers[0] < 30


def test_a_page_cannot_write_and_waits_for_nobody(airflow: ScriptedAirflow) -> None:
    with airflow.open_journal() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM nexus_import.run")
    with airflow.open_journal() as connection:
        shown = [connection.execute(f"SHOW {name}").fetchall()[0][0] for name in ("statement_timeout", "lock_timeout")]
    assert shown == ["10s", "1s"]


def test_a_run_at_work_is_followed_and_one_that_waits_asks(airflow: ScriptedAirflow) -> None:
    airflow.runs[NEWEST_RUN] = RunNow("running", [TaskNow("phase_3_patients.import_patients", "running")])
    page = open_pages(airflow).get(address(NEWEST_RUN)).text
    assert "Running: Phase 3: Import Patients" in page
    assert '<main id="live" data-live>' in page
    assert "▶ running" in page
    airflow.runs[NEWEST_RUN] = RunNow("running", [TaskNow("publish.approve_plan", "awaiting_input")])
    page = open_pages(airflow).get(address(NEWEST_RUN)).text
    assert "Waiting for you" in page
    assert "tasks/publish.approve_plan/required_actions" in page
    airflow.runs[NEWEST_RUN] = ENDED
    assert "data-live>" not in open_pages(airflow).get(address(NEWEST_RUN)).text


def test_the_audit_log_stands_with_the_journal_where_it_may_be_seen(airflow: ScriptedAirflow) -> None:
    airflow.lines = [AttemptLine(NEWEST, "vera", "asked to clear tasks", "by Airflow's audit log")]
    text = text_of(open_pages(airflow).get(address(NEWEST_RUN)).text)
    assert "vera asked to clear tasks by Airflow's audit log" in text
    assert "admin started the run (manual) allowed" in text
    assert "vera asked to clear tasks" in text_of(open_pages(airflow).get("/").text)
    airflow.lines = None
    assert "asked to clear" not in open_pages(airflow).get("/").text
    text = text_of(open_pages(airflow).get(address(NEWEST_RUN)).text)
    assert "asked to clear" not in text
    assert "You may not see Airflow's audit log" in text


def test_a_run_of_another_dag_and_an_unknown_one_are_met_politely(pages: TestClient) -> None:
    other = pages.get(f"/dags/restore_backup/runs/{NEWEST_RUN}".replace("+", "%2B"))
    assert other.status_code == 200
    assert "This is a run of restore_backup" in text_of(other.text)
    unknown = pages.get(address("manual__never"))
    assert unknown.status_code == 404
    assert "This run is not known" in unknown.text
