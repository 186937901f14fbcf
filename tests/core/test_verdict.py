"""The verdict: each way a run can end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nexus_import.core.sequence import FIX_FILEMAKER, PLAN, SEQUENCE, Step
from nexus_import.core.verdict import RunFacts, Verdict, judge

STEPS = {step.name: Step(number, passed=True) for number, step in enumerate((*SEQUENCE, PLAN), 1)}
DONE = RunFacts(
    state="running",
    mode="publish",
    steps=STEPS,
    failed_tasks=[],
    failed_checks=[],
    is_published=True,
    is_verified=True,
    approval=None,
)
UNPUBLISHED = replace(DONE, is_published=False, is_verified=False)


def test_published_and_verified_is_green() -> None:
    assert judge(DONE) == Verdict("published", "Published and verified", is_green=True)


def test_rehearsal_is_green_without_a_publication() -> None:
    verdict = judge(replace(UNPUBLISHED, mode="rehearse"))
    assert (verdict.state, verdict.is_green) == ("rehearsed", True)
    assert "live Nexus is unchanged" in verdict.sentence


def test_skipped_slot_is_green() -> None:
    verdict = judge(replace(UNPUBLISHED, state="skipped", steps={}))
    assert (verdict.state, verdict.is_green) == ("skipped", True)


def test_run_of_somebody_who_may_not_was_refused() -> None:
    verdict = judge(replace(UNPUBLISHED, state=None, steps={}, refusal="'vera' may not run the import"))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("refused", False, None)
    assert verdict.details == ("'vera' may not run the import",)


def test_run_that_ended_before_it_began_is_begun_again() -> None:
    verdict = judge(replace(UNPUBLISHED, state=None, steps={}, failed_tasks=["start.record_attempt"]))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("stopped", False, "start.record_attempt")
    assert verdict.sentence.startswith("Task start.record_attempt did not come to its end")


def test_failed_checks_are_named() -> None:
    checks = ["phase_0/a: 12 break the rule. Do this.", "phase_0/b: 1 breaks the rule."]
    verdict = judge(replace(UNPUBLISHED, failed_checks=checks, steps={}))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("stopped", False, FIX_FILEMAKER)
    assert verdict.sentence == "Stopped by phase_0/a, phase_0/b. Live Nexus is unchanged"
    assert verdict.details == tuple(checks)


@pytest.mark.parametrize(
    ("failed", "clear"),
    [
        ([], "publish.verify_live"),
        (["publish.verify_live"], "publish.verify_live"),
        (["publish.publish_plan"], "publish.publish_plan"),
    ],
    ids=["not looked", "looked", "ended after its commit"],
)
def test_published_but_unverified_is_red_and_points_to_the_runbook(failed: list[str], clear: str) -> None:
    verdict = judge(replace(DONE, is_verified=False, failed_tasks=failed))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("unverified", False, clear)
    assert "docs/runbook.md" in verdict.sentence
    assert "unchanged" not in verdict.sentence


def test_question_that_ended_without_an_answer_is_asked_again() -> None:
    failed = replace(UNPUBLISHED, failed_tasks=["publish.approve_plan"])
    unanswered = judge(replace(failed, approval=(None, None)))
    assert (unanswered.state, unanswered.is_green, unanswered.clear) == ("stopped", False, "publish.approve_plan")
    assert "ended without an answer" in unanswered.sentence
    assert "its log says why" in judge(replace(failed, approval=None)).sentence


def test_failed_task_is_named() -> None:
    failed = ["phase_0_validate.fetch_notes", "phase_0_validate.stage_records"]
    verdict = judge(replace(UNPUBLISHED, failed_tasks=failed, steps={}))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("stopped", False, failed[0])
    assert failed[0] in verdict.sentence


@pytest.mark.parametrize("mode", ["rehearse", "publish"])
def test_step_marked_as_done_by_hand_is_missed_in_the_journal(mode: str) -> None:
    steps = {name: step for name, step in STEPS.items() if name != "import_patients"}
    verdict = judge(replace(UNPUBLISHED, mode=mode, steps=steps))
    assert (verdict.state, verdict.is_green, verdict.clear) == ("stopped", False, "phase_3_patients.import_patients")


def test_publication_without_its_steps_is_not_green() -> None:
    assert not judge(replace(DONE, steps={})).is_green


@pytest.mark.parametrize(
    ("approval", "state", "words"),
    [
        (("Reject", "admin"), "rejected", "Rejected by admin"),
        (("Timed out", None), "timed_out", "Nobody answered"),
        (("Approve", "admin"), "stopped", "was not published"),
        ((None, None), "stopped", "was not published"),
        (None, "stopped", "was not published"),
    ],
)
def test_plan_that_was_not_published_is_red(
    approval: tuple[str | None, str | None] | None, state: str, words: str
) -> None:
    verdict = judge(replace(UNPUBLISHED, approval=approval))
    assert (verdict.state, verdict.is_green, verdict.clear) == (state, False, "publish.make_plan")
    assert words in verdict.sentence
    assert "Live Nexus is unchanged" in verdict.sentence


def test_every_red_verdict_that_can_go_on_names_a_task() -> None:
    known = {step.clear for step in (*SEQUENCE, PLAN)} | {"publish.verify_live"}
    for facts in (
        replace(UNPUBLISHED, failed_checks=["phase_3/x: 1"]),
        replace(DONE, is_verified=False),
        replace(UNPUBLISHED, steps={}),
        UNPUBLISHED,
    ):
        assert judge(facts).clear in known


def test_failed_task_is_newer_than_the_checks_that_stopped_an_earlier_try() -> None:
    failed = {"phase_0_validate.verify_filemaker": ("FileMaker is away.", None)}
    verdict = judge(replace(UNPUBLISHED, failed_checks=["phase_0/a: 1"], failed_tasks=list(failed), failures=failed))
    assert "phase_0_validate.verify_filemaker failed" in verdict.sentence
    assert verdict.details == ("FileMaker is away.",)


def test_task_that_a_failure_names_is_the_one_to_clear() -> None:
    failed = "publish.publish_plan"
    clear = "phase_1_preserve.copy_tables"
    verdict = judge(replace(UNPUBLISHED, failed_tasks=[failed], failures={failed: ("It is stale.", clear)}))
    assert (verdict.clear, verdict.details) == (clear, ("It is stale.",))


def test_run_that_had_published_does_not_say_unchanged() -> None:
    verdict = judge(replace(UNPUBLISHED, failed_checks=["phase_0/a: 1"], was_published=True))
    assert "unchanged" not in verdict.sentence
    assert "published earlier" in verdict.sentence
