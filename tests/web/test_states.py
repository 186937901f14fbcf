"""The report's pages where something is missing, away or hostile."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.core.report_phases import TaskNow
from nexus_import.nexus.journal import create_journal
from nexus_import.web.airflow_side import RunNow

from bench.journal_filler import fill, run_name
from tests.web.pages import ENDED, ScriptedAirflow, address, open_pages, text_of

HOSTILE = "<script>alert('1')</script>\" onload=\"x"
RUN = run_name(0)


def make_journal(installation: Any, finding_count: int = 20) -> None:
    with installation.importer() as connection, connection.transaction():
        create_journal(connection)
        fill(connection, 1, finding_count)


def test_without_a_journal_the_list_says_how_to_begin(installation: Any) -> None:
    pages = open_pages(ScriptedAirflow(runs={RUN: RunNow("failed", [TaskNow("start.record_attempt", "failed")])}))
    assert "No import has run yet" in pages.get("/").text
    assert "Nothing to report yet" in pages.get(address(RUN)).text
    assert pages.get(address(RUN, "/findings")).status_code == 200
    assert pages.get(address("manual__never")).status_code == 404


def test_with_an_empty_journal_a_queued_run_has_not_started(installation: Any) -> None:
    with installation.importer() as connection, connection.transaction():
        create_journal(connection)
    pages = open_pages(ScriptedAirflow(runs={RUN: RunNow("queued")}))
    page = pages.get(address(RUN)).text
    assert "Not started yet" in page
    assert "data-live>" in page
    assert "No import has run yet" in pages.get("/").text


def test_a_refused_run_says_why_and_the_list_names_it(installation: Any) -> None:
    with installation.importer() as connection, connection.transaction():
        create_journal(connection)
        connection.execute(
            "INSERT INTO nexus_import.attempt (run_id, trigger_kind, requested_by, parameters, refused_because)"
            " VALUES (%s, 'manual', 'somebody', '{}', 'somebody may not run the import')",
            (RUN,),
        )
    pages = open_pages(ScriptedAirflow(runs={RUN: RunNow("failed", [TaskNow("start.record_attempt", "failed")])}))
    assert "Refused" in text_of(pages.get(address(RUN)).text)
    assert "somebody may not run the import" in text_of(pages.get(address(RUN)).text)
    assert "somebody may not run the import" in text_of(pages.get("/").text)


@pytest.mark.parametrize("path", ["/", address(RUN), address(RUN, "/findings")])
def test_a_database_that_is_away_is_said_in_words(
    installation: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB", "postgres://nobody:secret-word@127.0.0.1:1/none")
    answer = open_pages(ScriptedAirflow(runs={RUN: ENDED})).get(path)
    assert answer.status_code == 503
    assert "The database of Nexus does not answer" in answer.text
    assert "secret-word" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_table_that_somebody_holds_is_waited_for_only_briefly(installation: Any) -> None:
    make_journal(installation)
    with installation.importer() as locker, locker.transaction():
        locker.execute("LOCK TABLE nexus_import.run IN ACCESS EXCLUSIVE MODE")
        answer = open_pages(ScriptedAirflow(runs={RUN: ENDED})).get("/")
    assert answer.status_code == 503
    assert "LockNotAvailable" in answer.text


def test_hostile_names_in_the_journal_are_text(installation: Any) -> None:
    make_journal(installation)
    with installation.importer() as connection:
        for table, columns in {
            "run": ("triggered_by", "verdict"),
            "step": ("task_id",),
            "check_result": ("title", "sentence", "todo"),
            "finding": ("entity", "record_id", "filemaker_id", "field", "layout", "clinic", "detail", "suggestion"),
            "backup": ("manifest_key", "manifest_sha256"),
            "attempt": ("requested_by", "trigger_kind"),
        }.items():
            for column in columns:
                connection.execute(f"UPDATE nexus_import.{table} SET {column} = %s".encode(), (HOSTILE,))
        connection.execute("UPDATE nexus_import.balance SET reason = %s WHERE what = 'skipped'", (HOSTILE,))
    pages = open_pages(ScriptedAirflow(runs={RUN: ENDED}))
    for path in ("/", address(RUN), address(RUN, "/findings"), address(RUN, "/plan/%3Cscript%3Ex/change")):
        page = pages.get(path).text
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert '" onload=' not in page


def test_a_run_that_airflow_has_forgotten_is_told_by_the_journal(installation: Any) -> None:
    make_journal(installation)
    page = open_pages(ScriptedAirflow()).get(address(RUN))
    assert page.status_code == 200
    assert "Safe to publish" in page.text


def test_counts_of_findings_are_right_again_when_a_check_has_run_again(installation: Any) -> None:
    make_journal(installation)
    pages = open_pages(ScriptedAirflow(runs={RUN: ENDED}))
    assert "20 findings: 0 still open, 20 new" in text_of(pages.get(address(RUN)).text)
    with installation.importer() as connection, connection.transaction():
        connection.execute("DELETE FROM nexus_import.finding WHERE check_id = 'phase_0/rule_0'")
        connection.execute(
            "UPDATE nexus_import.check_result SET finding_count = 0, checked_at = clock_timestamp()"
            " WHERE check_id = 'phase_0/rule_0'"
        )
    assert "18 findings: 0 still open, 18 new" in text_of(pages.get(address(RUN)).text)
