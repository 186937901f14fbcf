"""The verdict of a restore: green only when what was asked for was done. Pure; the journal's words go in."""

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
class RestoreFacts:
    """What the journal and Airflow know about a restore when it ends.

    `change_count` is None when live Nexus was not compared. `failed_tasks` are task ids in the order of the graph,
    `failures` the sentence of each that failed with one, and the task it says to clear; `approval` the last answer
    and who gave it. `is_restored` tells of the newest comparison, `was_restored` of any of the run.
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


def judge_restore(facts: RestoreFacts) -> Verdict:
    """Return the verdict; the first thing that is not as it should be decides."""
    if not facts.is_started:
        return Verdict("refused", "The restore was refused at its start; see the log of start.record_attempt", False)
    if facts.is_restored and not facts.is_verified:
        return Verdict(
            "unverified",
            "Restored but unverified: the rows were committed, the look at live Nexus failed or did not run. "
            "See docs/runbook.md",
            False,
            facts.failed_tasks[0] if facts.failed_tasks else VERIFY_TASK,
        )
    if facts.failed_tasks and not (facts.failed_tasks[0] == APPROVAL_TASK and _answer(facts)):
        failed = facts.failed_tasks[0]
        sentence, clear = facts.failures.get(failed, (None, None))
        why = f"Task {failed} failed; its log says why"
        return _stopped(facts, why, clear or failed, (sentence,) if sentence else ())
    if not facts.is_checked:
        return _stopped(facts, "The checksums of the backup were not verified", CHECK_TASK)
    if facts.change_count is None:
        return _stopped(facts, "The backup was not compared with live Nexus", COMPARE_TASK)
    if facts.is_restored:
        return Verdict("restored", "Restored and verified", True)
    if facts.change_count == 0:
        return Verdict("identical", "Nothing to restore: live Nexus holds what the backup holds", True)
    if facts.mode == "rehearse":
        return Verdict("rehearsed", "Rehearsed: the backup was checked and compared, live Nexus is unchanged", True)
    return _not_approved(facts)


def _not_approved(facts: RestoreFacts) -> Verdict:
    answer, who = facts.approval or (None, None)
    if answer == "Reject":
        return Verdict("rejected", f"Rejected by {who}. {_live(facts)}", False, COMPARE_TASK)
    if answer == "Timed out":
        return Verdict("timed_out", f"Nobody answered in time. {_live(facts)}", False, COMPARE_TASK)
    return _stopped(facts, "The backup was not restored", COMPARE_TASK)


def _answer(facts: RestoreFacts) -> str | None:
    return facts.approval[0] if facts.approval else None


def _stopped(facts: RestoreFacts, why: str, clear: str, details: tuple[str, ...] = ()) -> Verdict:
    return Verdict("stopped", f"{why}. {_live(facts)}", False, clear, details)


def _live(facts: RestoreFacts) -> str:
    return "Live Nexus holds what this run restored earlier" if facts.was_restored else "Live Nexus is unchanged"
