"""The verdict of a restore or an undo: green only when what was asked for was done. Pure; the journal's words go in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nexus_import.core.verdict import Verdict

CHOOSE_TASK = "backup.choose_backup"
CHECK_TASK = "backup.verify_checksums"
COMPARE_TASK = "compare.compare_with_live"
APPROVAL_TASK = "restore.approve_restore"
VERIFY_TASK = "restore.verify_live"


@dataclass(frozen=True)
class UndoFacts:
    """The publish that was to be undone: its run, how many of its rows are left alone, and who undid it if one did."""

    run_id: str
    left_count: int = 0
    undone_by: str | None = None


@dataclass(frozen=True)
class RestoreFacts:
    """What the journal and Airflow know about a restore when it ends.

    `change_count` is None when live Nexus was not compared. `failed_tasks` are task ids in the order of the graph,
    `failures` the sentence of each that failed with one, and the task it says to clear; `approval` the last answer
    and who gave it. `is_restored` tells of the newest comparison, `was_restored` of any of the run. `undo` is None
    unless a publish was chosen and not a backup.
    """

    is_started: bool
    mode: str
    is_checked: bool
    change_count: int | None
    failed_tasks: list[str]
    approval: tuple[str | None, str | None] | None
    is_restored: bool
    is_verified: bool
    was_restored: bool = False
    failures: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    undo: UndoFacts | None = None


@dataclass(frozen=True)
class _Sentences:
    """What a verdict says, of a restore or of an undo."""

    done: Verdict
    unverified: str
    unchecked: str
    uncompared: str
    nothing: str
    rehearsed: str
    not_done: str


def _sentences(facts: RestoreFacts) -> _Sentences:
    committed = "the rows were committed, the look at live Nexus failed or did not run. See docs/runbook.md"
    if facts.undo is None:
        return _Sentences(
            Verdict("restored", "Restored and verified", True),
            f"Restored but unverified: {committed}",
            "The checksums of the backup were not verified",
            "The backup was not compared with live Nexus",
            "Nothing to restore: live Nexus holds what the backup holds",
            "Rehearsed: the backup was checked and compared, live Nexus is unchanged",
            "The backup was not restored",
        )
    run, left = facts.undo.run_id, facts.undo.left_count
    rows = facts.change_count or 0
    return _Sentences(
        Verdict(
            "undone",
            f"Undone and verified: the publish of run {run}, {rows:,} rows put back, {left:,} left alone",
            True,
        ),
        f"Undone but unverified: the publish of run {run}, {committed}",
        "What the publish kept was not checked",
        "The undo was not rehearsed",
        f"Nothing to undo: the publish of run {run} was undone already, by {facts.undo.undone_by}",
        f"Rehearsed: the undo of the publish of run {run} would put {rows:,} rows back and leave {left:,} alone, live "
        "Nexus is unchanged",
        "The publish was not undone",
    )


def judge_restore(facts: RestoreFacts) -> Verdict:
    """Return the verdict; the first thing that is not as it should be decides."""
    if not facts.is_started:
        return Verdict("refused", "The restore was refused at its start; see the log of start.record_attempt", False)
    say = _sentences(facts)
    if facts.is_restored and not facts.is_verified:
        clear = facts.failed_tasks[0] if facts.failed_tasks else VERIFY_TASK
        return Verdict("unverified", say.unverified, False, clear)
    if facts.failed_tasks and not (facts.failed_tasks[0] == APPROVAL_TASK and _answer(facts)):
        failed = facts.failed_tasks[0]
        sentence, named = facts.failures.get(failed, (None, None))
        why = f"Task {failed} failed; its log says why"
        return _stopped(facts, why, named or failed, (sentence,) if sentence else ())
    if not facts.is_checked:
        return _stopped(facts, say.unchecked, CHECK_TASK)
    if facts.is_restored:
        return say.done
    if facts.undo is not None and facts.undo.undone_by is not None:
        return Verdict("identical", say.nothing, True)
    if facts.change_count is None:
        return _stopped(facts, say.uncompared, COMPARE_TASK)
    if facts.undo is None and facts.change_count == 0:
        return Verdict("identical", say.nothing, True)
    if facts.mode == "rehearse":
        return Verdict("rehearsed", say.rehearsed, True)
    return _not_approved(facts, say.not_done)


def _not_approved(facts: RestoreFacts, not_done: str) -> Verdict:
    answer, who = facts.approval or (None, None)
    if answer == "Reject":
        return Verdict("rejected", f"Rejected by {who}. {_live(facts)}", False, COMPARE_TASK)
    if answer == "Timed out":
        return Verdict("timed_out", f"Nobody answered in time. {_live(facts)}", False, COMPARE_TASK)
    return _stopped(facts, not_done, COMPARE_TASK)


def _answer(facts: RestoreFacts) -> str | None:
    return facts.approval[0] if facts.approval else None


def _stopped(facts: RestoreFacts, why: str, clear: str, details: tuple[str, ...] = ()) -> Verdict:
    return Verdict("stopped", f"{why}. {_live(facts)}", False, clear, details)


def _live(facts: RestoreFacts) -> str:
    return "Live Nexus holds what this run restored earlier" if facts.was_restored else "Live Nexus is unchanged"
