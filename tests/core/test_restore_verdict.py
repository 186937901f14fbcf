"""The verdict of a restore: green only when what was asked for was done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nexus_import.core.restore_verdict import (
    APPROVAL_TASK,
    CHECK_TASK,
    COMPARE_TASK,
    VERIFY_TASK,
    RestoreFacts,
    UndoFacts,
    judge_restore,
)

DONE = RestoreFacts(
    is_started=True,
    mode="restore",
    is_checked=True,
    change_count=5,
    failed_tasks=[],
    approval=("Approve", "admin"),
    is_restored=True,
    is_verified=True,
    was_restored=True,
)
OPEN = replace(DONE, is_restored=False, is_verified=False, was_restored=False, approval=None)


def test_restored_and_verified_is_green() -> None:
    verdict = judge_restore(DONE)
    assert (verdict.state, verdict.is_green, verdict.sentence) == ("restored", True, "Restored and verified")


def test_rehearsal_is_green_when_it_checked_and_compared() -> None:
    verdict = judge_restore(replace(OPEN, mode="rehearse"))
    assert (verdict.state, verdict.is_green) == ("rehearsed", True)


@pytest.mark.parametrize("mode", ["rehearse", "restore"])
def test_nothing_to_restore_is_green(mode: str) -> None:
    verdict = judge_restore(replace(OPEN, mode=mode, change_count=0))
    assert (verdict.state, verdict.is_green) == ("identical", True)


@pytest.mark.parametrize(
    ("facts", "state", "clear"),
    [
        (replace(DONE, is_started=False), "refused", None),
        (replace(DONE, is_verified=False), "unverified", VERIFY_TASK),
        (
            replace(DONE, is_verified=False, failed_tasks=["restore.restore_tables"]),
            "unverified",
            "restore.restore_tables",
        ),
        (replace(OPEN, is_checked=False), "stopped", CHECK_TASK),
        (replace(OPEN, change_count=None), "stopped", COMPARE_TASK),
        (replace(OPEN, is_checked=False, change_count=0), "stopped", CHECK_TASK),
        (replace(OPEN, approval=("Reject", "admin")), "rejected", COMPARE_TASK),
        (replace(OPEN, approval=("Timed out", None)), "timed_out", COMPARE_TASK),
        (replace(OPEN, approval=("Timed out", None), failed_tasks=[APPROVAL_TASK]), "timed_out", COMPARE_TASK),
        (replace(OPEN, approval=(None, None), failed_tasks=[APPROVAL_TASK]), "stopped", APPROVAL_TASK),
        (replace(OPEN, approval=("Approve", "admin")), "stopped", COMPARE_TASK),
        (replace(OPEN, failed_tasks=[CHECK_TASK, COMPARE_TASK]), "stopped", CHECK_TASK),
    ],
)
def test_anything_else_is_red_and_names_the_task_to_clear(facts: RestoreFacts, state: str, clear: str | None) -> None:
    verdict = judge_restore(facts)
    assert (verdict.state, verdict.is_green, verdict.clear) == (state, False, clear)


def test_sentence_of_the_failed_task_is_told_with_the_task_it_names() -> None:
    facts = replace(
        OPEN,
        failed_tasks=["restore.restore_tables"],
        failures={"restore.restore_tables": ("Live Nexus changed.", COMPARE_TASK)},
    )
    verdict = judge_restore(facts)
    assert verdict.details == ("Live Nexus changed.",)
    assert verdict.clear == COMPARE_TASK
    assert verdict.sentence == "Task restore.restore_tables failed; its log says why. Live Nexus is unchanged"


def test_what_was_restored_earlier_in_the_run_is_not_denied() -> None:
    verdict = judge_restore(replace(OPEN, was_restored=True, approval=("Reject", "admin")))
    assert verdict.sentence == "Rejected by admin. Live Nexus holds what this run restored earlier"


UNDO = UndoFacts("manual__bad", left_count=1200)
UNDONE = replace(DONE, undo=replace(UNDO, undone_by="admin"))
STANDING = replace(OPEN, undo=UNDO)


def test_undone_and_verified_says_what_was_put_back_and_left_alone() -> None:
    verdict = judge_restore(UNDONE)
    assert (verdict.state, verdict.is_green) == ("undone", True)
    assert verdict.sentence == "Undone and verified: the publish of run manual__bad, 5 rows put back, 1,200 left alone"


def test_rehearsed_undo_says_what_it_would_do() -> None:
    verdict = judge_restore(replace(STANDING, mode="rehearse"))
    assert (verdict.state, verdict.is_green) == ("rehearsed", True)
    assert verdict.sentence == (
        "Rehearsed: the undo of the publish of run manual__bad would put 5 rows back and leave 1,200 alone, live Nexus "
        "is unchanged"
    )


@pytest.mark.parametrize("change_count", [None, 5])
def test_publish_that_somebody_else_has_undone_is_green(change_count: int | None) -> None:
    facts = replace(STANDING, change_count=change_count, undo=replace(UNDO, undone_by="the restore of backup b/001"))
    verdict = judge_restore(facts)
    assert (verdict.state, verdict.is_green) == ("identical", True)
    assert (
        verdict.sentence
        == "Nothing to undo: the publish of run manual__bad was undone already, by the restore of backup b/001"
    )


@pytest.mark.parametrize(
    ("facts", "state", "clear", "sentence"),
    [
        (replace(UNDONE, is_verified=False), "unverified", VERIFY_TASK, "Undone but unverified: the publish of run"),
        (replace(STANDING, is_checked=False), "stopped", CHECK_TASK, "What the publish kept was not checked"),
        (replace(STANDING, change_count=None), "stopped", COMPARE_TASK, "The undo was not rehearsed"),
        (replace(STANDING, change_count=0), "stopped", COMPARE_TASK, "The publish was not undone"),
        (replace(STANDING, approval=("Reject", "admin")), "rejected", COMPARE_TASK, "Rejected by admin"),
        (replace(STANDING, approval=("Approve", "admin")), "stopped", COMPARE_TASK, "The publish was not undone"),
        (replace(STANDING, failed_tasks=[COMPARE_TASK]), "stopped", COMPARE_TASK, f"Task {COMPARE_TASK} failed"),
    ],
)
def test_undo_that_was_not_done_is_red(facts: RestoreFacts, state: str, clear: str, sentence: str) -> None:
    verdict = judge_restore(facts)
    assert (verdict.state, verdict.is_green, verdict.clear) == (state, False, clear)
    assert verdict.sentence.startswith(sentence)
