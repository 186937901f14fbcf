"""The nights on which the clinic's clocks change: for the run's own clock, and for what FileMaker says of such hours.

Sydney, 2026: at 03:00 on 5 April the clock goes back to 02:00 (16:00 UTC on the 4th); at 02:00 on 4 October it goes
on to 03:00 (16:00 UTC on the 3rd). The policy starts the import within 30 minutes of its slot and publishes a
scheduled one between 22:00 and 06:00.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from nexus_import import clock

from tests.sql.clinic import Clinic
from tests.support.copies import CopyRun
from tests.support.installation import Installation

START, DECIDE, APPROVE, PUBLISH = (
    "start.record_attempt",
    "publish.decide",
    "publish.approve_plan",
    "publish.publish_plan",
)
REQUIRED = "phase_0/required_fields"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(clock, "now", lambda: utc(moment))


@pytest.mark.parametrize(
    ("slot", "now", "is_on_time"),
    [
        ("2026-04-04 15:50", "2026-04-04 16:10", True),  # 02:50, and 02:10 once more
        ("2026-04-04 15:15", "2026-04-04 16:30", False),  # 02:15, and 02:30 once more
        ("2026-10-03 15:50", "2026-10-03 16:10", True),  # 01:50 and 03:10
        ("2026-10-03 15:15", "2026-10-03 16:10", False),  # 01:15 and 03:10
    ],
    ids=["doubled, on time", "doubled, late", "skipped, on time", "skipped, late"],
)
def test_launch_window_is_as_long_as_ever(
    new_run: Any, monkeypatch: pytest.MonkeyPatch, slot: str, now: str, is_on_time: bool
) -> None:
    set_clock(monkeypatch, now)
    run = new_run(run_type="scheduled", who=None, run_after=utc(slot)).go(until=START)
    assert run.results[START] is is_on_time


def test_publish_window_goes_by_the_clock_on_the_wall(copy_run: CopyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with copy_run() as run:
        run.run_type = "scheduled"
        run.go(until="publish.make_plan")
        for moment, task in (
            ("2026-04-04 15:30", PUBLISH),  # 02:30
            ("2026-04-04 16:30", PUBLISH),  # 02:30 once more
            ("2026-04-04 19:30", PUBLISH),  # 05:30; it would be 06:30 without the change
            ("2026-04-04 20:05", APPROVE),  # 06:05
            ("2026-10-03 18:55", PUBLISH),  # 05:55
            ("2026-10-03 19:30", APPROVE),  # 06:30; it would be 05:30 without the change
            ("2026-10-04 11:30", PUBLISH),  # 22:30; it would be 21:30 without the change
        ):
            set_clock(monkeypatch, moment)
            run.clear(DECIDE).go(until=DECIDE)
            assert run.results[DECIDE] == task, moment


def test_window_that_closed_between_plan_and_publish_asks_a_person(
    copy_run: CopyRun, monkeypatch: pytest.MonkeyPatch, clinic_published: dict[str, str]
) -> None:
    with copy_run() as run:
        installation = run.installation
        before = installation.live()
        run.run_type = "scheduled"
        set_clock(monkeypatch, "2026-10-03 18:59")
        run.go(until=APPROVE)
        assert run.states[APPROVE] == "skipped"
        set_clock(monkeypatch, "2026-10-03 19:01")
        run.go()
        assert "This plan needs the approval of an operator and has none" in str(run.errors[PUBLISH])
        assert run.named_task == APPROVE
        assert installation.live() == before
        run.answer = "Approve"
        run.clear(APPROVE).go()
        assert "the approval did not say 'now'" in str(run.errors[PUBLISH])
        assert installation.live() == before
        run.answered_when = "now"
        assert run.clear(APPROVE).go().is_green
        assert installation.live(without_times=True) == clinic_published


def test_appointments_in_the_doubled_and_in_the_skipped_hour(installation: Installation, new_run: Any) -> None:
    clinic = Clinic(installation)
    before = installation.live()
    half_past_two = {"startTime": "02:30:00", "endDate": "", "endTime": ""}
    doubled = clinic.edit("API_Appointments", half_past_two | {"startDate": "04/05/2026"})
    skipped = clinic.edit("API_Appointments", half_past_two | {"startDate": "10/04/2026"})
    run = new_run().go()
    assert not run.is_green
    assert [(record, field) for record, _, _, field in run.findings(REQUIRED)] == [(skipped, "startDate")]
    assert installation.live() == before

    clinic.mend("API_Appointments", skipped)
    assert run.clear(run.named_task).go().is_green
    event = clinic.records("API_Appointments")[doubled]["id"]
    starts = "SELECT start_time FROM appointments WHERE upper(filemaker_event_id::text) = upper(%s)"
    # the first of the two
    assert installation.value(starts, event) == utc("2026-04-04 15:30")
