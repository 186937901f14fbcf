"""The verdict of a run: green only when everything that was asked for was done. Pure; the journal's words go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nexus_import.core.sequence import FIX_FILEMAKER, PLAN, Step, first_gap

START_TASK = "start.record_attempt"
APPROVAL_TASK = "publish.approve_plan"


@dataclass(frozen=True)
class RunFacts:
    """What the journal and Airflow know about a run when it ends.

    `failed_tasks` are task ids in the order of the graph; `failed_checks` the sentences of the checks that stopped
    the run; `approval` the last answer and who gave it; `failures` the sentence of each task that
    failed with one, and the task it says to clear; `was_published` tells of any publication of the run, also of an
    earlier plan; `refusal` is why the person may not run the import.
    """

    state: str | None
    mode: str
    steps: Mapping[str, Step]
    failed_tasks: list[str]
    failed_checks: list[str]
    is_published: bool
    is_verified: bool
    approval: tuple[str | None, str | None] | None
    failures: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    was_published: bool = False
    refusal: str | None = None


@dataclass(frozen=True)
class Verdict:
    """`state` is published, rehearsed, skipped, or a red one; `clear` the task to clear after a red one.

    `details` are a sentence per failed check: what, which records, how many, what to do.
    """

    state: str
    sentence: str
    is_green: bool
    clear: str | None = None
    details: tuple[str, ...] = ()


def judge(facts: RunFacts) -> Verdict:
    """Return the verdict; the first thing that is not as it should be decides."""
    if facts.state is None and facts.refusal:
        return Verdict("refused", "The run was refused at its start", False, details=(facts.refusal,))
    if facts.state is None:
        return _stopped(facts, f"Task {START_TASK} did not come to its end; its log says why", START_TASK)
    if facts.state == "skipped":
        return Verdict("skipped", "Nothing was done: the run's time slot was over", True)
    if facts.is_published and not facts.is_verified:
        return Verdict(
            "unverified",
            "Published but unverified: the rows were committed, the look at live Nexus failed or did not run. "
            "See docs/runbook.md",
            False,
            # a publish that was ended after its commit is cleared itself: the look at live Nexus waits for it
            facts.failed_tasks[0] if facts.failed_tasks else "publish.verify_live",
        )
    if facts.failed_tasks[:1] == [APPROVAL_TASK] and facts.approval == (None, None):
        return _not_approved(facts)
    if facts.failed_tasks:
        failed = facts.failed_tasks[0]
        sentence, clear = facts.failures.get(failed, (None, None))
        why = f"Task {failed} failed; its log says why"
        return _stopped(facts, why, clear or failed, [sentence] if sentence else [])
    if facts.failed_checks:
        names = ", ".join(sentence.split(":", 1)[0] for sentence in facts.failed_checks)
        return _stopped(facts, f"Stopped by {names}", FIX_FILEMAKER, facts.failed_checks)
    gap = first_gap(facts.steps)
    if gap:
        return _stopped(facts, f"Step {gap.step.name} {gap.reason}", gap.step.clear)
    if facts.mode == "rehearse":
        return Verdict("rehearsed", "Rehearsed: the plan was made, live Nexus is unchanged", True)
    if facts.is_published:
        return Verdict("published", "Published and verified", True)
    return _not_approved(facts)


def _stopped(facts: RunFacts, why: str, clear: str, details: Sequence[str] = ()) -> Verdict:
    return Verdict("stopped", f"{why}. {_live(facts)}", False, clear, tuple(details))


def _live(facts: RunFacts) -> str:
    return "Live Nexus holds what this run published earlier" if facts.was_published else "Live Nexus is unchanged"


def _not_approved(facts: RunFacts) -> Verdict:
    answer, who = facts.approval or (None, None)
    if answer == "Reject":
        return Verdict("rejected", f"Rejected by {who}. {_live(facts)}", False, PLAN.clear)
    if answer == "Timed out":
        return Verdict("timed_out", f"Nobody answered in time. {_live(facts)}", False, PLAN.clear)
    if APPROVAL_TASK in facts.failed_tasks:
        why = "The question ended without an answer: nobody gave one in time, or it was lost"
        return _stopped(facts, why, APPROVAL_TASK)
    return _stopped(facts, "The plan was not published", PLAN.clear)
