"""FileMaker at its worst while it is read: what passes is got over, what stays turns the run red with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.errors import FileMakerUnavailable
from nexus_import.filemaker import exchange

FETCH_NOTES = "phase_0_validate.fetch_notes"
FETCH_LETTERS = "phase_0_validate.fetch_letters"
VERIFY = "phase_0_validate.verify_filemaker"


def test_bad_gateways_lost_connections_and_lost_sessions_are_got_over(installation: Any, new_run: Any) -> None:
    control = installation.simulator.control
    run = new_run(mode="rehearse").go(until=VERIFY)
    control.set_faults(unavailable_requests=2, dropped_requests=1, truncated_responses=1, html_401_requests=1)
    run.go(until="phase_0_validate.fetch_patients")
    # the session is said to be gone between two pages, and once more a moment later
    control.set_faults(scripted_errors=[{"code": 952, "target": "API_Notes", "count": 2, "after": 1}])
    run.go()
    assert run.errors == {}
    assert run.is_green
    faults = control.state()["faults"]
    assert [faults[name] for name in ("unavailable_requests", "dropped_requests", "truncated_responses")] == [0, 0, 0]
    assert [scripted["count"] for scripted in faults["scripted_errors"]] == [0]
    staged = run.results["phase_0_validate.stage_records"]
    counts = installation.truth["counts"]["filemaker"]
    assert (staged["patient_count"], staged["note_count"]) == (counts["API_Contacts"], counts["API_Notes"])


def test_a_filemaker_that_stays_away_stops_the_run_and_clearing_goes_on(
    installation: Any, new_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every attempt is made, without half a minute of waiting between them
    monkeypatch.setattr(exchange, "RETRY_WAIT_LIMIT_SECONDS", 0.1)
    before = installation.live()
    control = installation.simulator.control
    run = new_run(mode="rehearse").go(until=FETCH_NOTES)
    control.set_faults(scripted_errors=[{"code": 956, "target": "API_Letters", "count": 1000}])
    run.go()
    failed = [task for task, state in run.states.items() if state == "failed" and task != "end.outcome"]
    assert failed == [FETCH_LETTERS]
    assert isinstance(run.errors[FETCH_LETTERS], FileMakerUnavailable)
    assert f"Clear {FETCH_LETTERS} with downstream" in run.last_words
    assert run.states["phase_1_preserve.copy_tables"] == "upstream_failed"
    assert installation.live() == before

    control.clear_faults()
    run.clear(FETCH_LETTERS).go()
    assert run.is_green
    assert run.tries[FETCH_NOTES] == 1
