"""The first lines of a report: each state has its words, its tone and one next step."""

from __future__ import annotations

import pytest
from nexus_import.core.headline import headline_of_running, headline_of_verdict
from nexus_import.core.report_phases import TaskNow
from nexus_import.core.verdict import Verdict


@pytest.mark.parametrize(
    ("state", "tone", "title"),
    [
        ("published", "good", "Published"),
        ("rehearsed", "good", "Safe to publish"),
        ("skipped", "idle", "Nothing was done"),
        ("unverified", "bad", "Published, but not verified"),
        ("refused", "bad", "Refused"),
        ("rejected", "bad", "Rejected"),
        ("timed_out", "bad", "Nobody answered in time"),
        ("stopped", "bad", "Stopped"),
    ],
)
def test_each_verdict_has_a_tone_and_a_title(state: str, tone: str, title: str) -> None:
    headline = headline_of_verdict(Verdict(state, "Said so", tone != "bad"))
    assert (headline.tone, headline.title, headline.sentence) == (tone, title, "Said so.")
    assert headline.next_step


def test_a_red_verdict_names_the_task_to_clear_the_reasons_and_whom_to_ask() -> None:
    verdict = Verdict("stopped", "Stopped by x", False, "phase_0_validate.verify_filemaker", ("12 patients",))
    headline = headline_of_verdict(verdict, ["unusual"], "support@clinic.example")
    assert headline.next_step == (
        "Mend what is said here. Then clear phase_0_validate.verify_filemaker with downstream."
        " Help: support@clinic.example."
    )
    assert headline.look_at == "phase_0_validate.verify_filemaker"
    assert headline.reasons == ["12 patients"]


def test_an_unusual_rehearsal_is_safe_only_if_somebody_agrees() -> None:
    headline = headline_of_verdict(Verdict("rehearsed", "Rehearsed", True), ["58 of 1,700 patients would be removed"])
    assert (headline.tone, headline.title) == ("ask", "Safe to publish, if you agree")
    assert headline.reasons == ["58 of 1,700 patients would be removed"]


def test_a_run_at_work_says_which_phase_and_how_long_it_takes() -> None:
    headline = headline_of_running([TaskNow("phase_3_patients.import_patients", "running")], 0, (), "4 min 02 s")
    assert headline.title == "Running: Phase 3: Import Patients"
    assert headline.next_step.endswith("Earlier runs took 4 min 02 s.")
    assert headline_of_running([], 0).title == "Between two tasks"


def test_a_question_comes_before_everything_that_runs_beside_it() -> None:
    tasks = [TaskNow("phase_8_validate.x", "running"), TaskNow("publish.approve_plan", "awaiting_input")]
    headline = headline_of_running(tasks, 1186, ["unusual"])
    assert (headline.tone, headline.title, headline.reasons) == ("ask", "Waiting for you", ["unusual"])
    assert "1,186 rows" in headline.sentence
