"""FileMaker at its worst while it is read: what passes is got over, what stays turns the run red with a sentence."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from nexus_import.errors import FileMakerUnavailable
from nexus_import.filemaker import exchange

from tests.sql.clinic import Clinic
from tests.support.installation import Installation

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


def test_rows_that_come_and_go_while_they_are_read_are_published_as_they_are_at_the_end(
    installation: Installation, new_run: Any
) -> None:
    control = installation.simulator.control
    clinic = Clinic(installation)
    (gone, fields), (_, model) = clinic.pick_record("API_Notes"), clinic.pick_record("API_Notes")
    new_id = str(uuid.uuid4()).upper()
    run = new_run().go(until=VERIFY)
    control.between_pages(
        [
            {"layout": "API_Notes", "operation": "delete", "after_requests": 2, "record_id": gone},
            {"layout": "API_Notes", "operation": "insert", "after_requests": 3, "fields": model | {"id": new_id}},
        ]
    )
    run.go()
    assert control.state()["changes_applied"] == 2
    assert run.is_green, run.last_words
    known = "SELECT upper(filemaker_id) FROM nexus_import.identity WHERE entity = 'note'"
    notes = {key for (key,) in installation.rows(known)}
    everywhere = {other["id"].upper() for other in clinic.records("API_Notes").values()}
    assert notes == everywhere - {fields["id"].upper()} | {new_id}


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
