"""Who may run the import, and when a scheduled run is skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

LATE = timedelta(hours=3)


def test_late_scheduled_run_is_skipped_and_green(installation: Any, new_run: Any) -> None:
    before = installation.live()
    run = new_run(run_type="scheduled", who=None, run_after=datetime.now(UTC) - LATE).go()
    assert run.is_green
    assert run.results["start.record_attempt"] is False
    assert run.states["phase_0_validate.back_up_database"] == "skipped"
    assert installation.value("SELECT state FROM nexus_import.run WHERE run_id = %s", run.run_id) == "skipped"
    assert installation.live() == before


def test_scheduled_run_on_time_takes_its_parameters_from_the_policy(installation: Any, new_run: Any) -> None:
    run = new_run("rehearse", run_type="scheduled", who=None).go(until="start.record_attempt")
    assert run.results["start.record_attempt"] is True
    parameters = installation.value("SELECT parameters FROM nexus_import.run WHERE run_id = %s", run.run_id)
    assert parameters == {
        "configuration": "default",
        "mode": "publish",
        "approval": "when_unusual",
        "nexus_only": "keep",
    }


def test_late_scheduled_run_that_was_cleared_goes_on(new_run: Any) -> None:
    run = new_run(run_type="scheduled", who=None, run_after=datetime.now(UTC) - LATE)
    run.go(until="start.record_attempt").clear("start.record_attempt")
    run.go(until="start.record_attempt")
    assert run.results["start.record_attempt"] is True


def test_manual_run_is_never_late(new_run: Any) -> None:
    run = new_run(run_after=datetime.now(UTC) - LATE).go(until="start.record_attempt")
    assert run.results["start.record_attempt"] is True


def test_run_of_somebody_who_is_not_an_operator_is_refused_and_recorded(installation: Any, new_run: Any) -> None:
    before = installation.live()
    run = new_run(who="vera").go()
    assert not run.is_green
    assert "'vera' may not run the import" in str(run.errors["start.record_attempt"])
    assert run.last_words.endswith("Ask an operator to trigger the import.")
    refused = installation.rows("SELECT requested_by, refused_because FROM nexus_import.attempt")
    assert [(who, "may not run" in why) for who, why in refused] == [("vera", True)]
    assert installation.value("SELECT count(*) FROM nexus_import.run") == 0
    assert installation.live() == before


def test_unknown_parameter_value_is_refused_with_its_name(new_run: Any) -> None:
    run = new_run(mode="destroy").go(until="start.record_attempt")
    assert "parameters: mode" in str(run.errors["start.record_attempt"])


def test_parameter_that_nobody_knows_stops_the_run_at_its_start(new_run: Any) -> None:
    run = new_run(mode="rehearse")
    run.params["nexus_onli"] = "delete"
    run.go(until="start.record_attempt")
    assert str(run.errors["start.record_attempt"]) == (
        "parameters: nexus_onli: there is no such key (nearest: nexus_only)"
    )
