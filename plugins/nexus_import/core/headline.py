"""What a person must know first: how the run stands, in a few words, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from nexus_import.core.report_phases import TaskNow, phase_of
from nexus_import.core.verdict import Verdict

Tone = Literal["good", "ask", "bad", "busy", "idle"]
TONE_WORDS: dict[Tone, str] = {
    "good": "Good",
    "ask": "Your turn",
    "bad": "Needs attention",
    "busy": "At work",
    "idle": "Idle",
}
"""What the colour of a headline says, for whoever does not see it."""


@dataclass(frozen=True)
class Headline:
    """The top of a report. `clear` is the task to clear, `look_at` the one whose log says more."""

    tone: Tone
    title: str
    sentence: str
    next_step: str
    clear: str | None = None
    look_at: str | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def tone_word(self) -> str:
        """The tone in words."""
        return TONE_WORDS[self.tone]


def headline_of_verdict(verdict: Verdict, unusual: Sequence[str] = (), support: str = "") -> Headline:
    """Return the headline of a run that has ended; `unusual` says why its plan needs a person's yes."""
    said = _SAID.get(verdict.state, _SAID["stopped"])
    tone, title, next_step = said
    reasons = list(verdict.details)
    if verdict.state == "rehearsed" and unusual:
        tone, title = "ask", "Safe to publish, if you agree"
        next_step = (
            "Read below why a person is asked. Then trigger the import with mode publish; it will wait for a yes."
        )
        reasons = list(unusual)
    if verdict.clear:
        next_step = f"{next_step} Then clear {verdict.clear} with downstream."
    if tone == "bad" and support:
        next_step = f"{next_step} Help: {support}."
    look_at = verdict.clear if tone == "bad" else None
    return Headline(tone, title, f"{verdict.sentence}.", next_step, verdict.clear, look_at, reasons)


_SAID: dict[str, tuple[Tone, str, str]] = {
    "published": ("good", "Published", "Nothing is left to do."),
    "rehearsed": ("good", "Safe to publish", "Trigger the import with mode publish when you want these changes."),
    "skipped": ("idle", "Nothing was done", "Nothing is left to do: the next scheduled run comes by itself."),
    "unverified": (
        "bad",
        "Published, but not verified",
        "The changes are in live Nexus. Look at a few patients there, and at the log of the task that failed.",
    ),
    "refused": ("bad", "Refused", "Ask an operator to trigger the import."),
    "rejected": ("bad", "Rejected", "Mend what was wrong with the plan."),
    "timed_out": ("bad", "Nobody answered in time", "Decide who answers."),
    "stopped": ("bad", "Stopped", "Mend what is said here."),
}


def headline_of_running(
    tasks: Sequence[TaskNow], change_count: int, unusual: Sequence[str] = (), expected: str | None = None
) -> Headline:
    """Return the headline of a run that is at work or waits for a person.

    `change_count` are the rows that its plan touches; `expected` how long earlier runs took.
    """
    if any(task.is_asking for task in tasks):
        return Headline(
            "ask",
            "Waiting for you",
            f"The plan is ready and would touch {change_count:,} rows of live Nexus. Nothing has changed yet.",
            "Read what would change and what would be lost, below. Then approve or reject under Required Action.",
            reasons=list(unusual),
        )
    running = next((task for task in tasks if task.is_running), None)
    usual = f" Earlier runs took {expected}." if expected else ""
    wait = f"Nothing to do; this page follows the run.{usual}"
    if running is None:
        return Headline("busy", "Between two tasks", "Live Nexus is as it was.", wait)
    phase = phase_of(running.task_id)
    if phase.startswith("Publish"):
        return Headline("busy", f"Running: {phase}", "The plan is made, or is being switched to live.", wait)
    live = "What was published stays." if phase.startswith("End") else "Live Nexus is as it was."
    return Headline("busy", f"Running: {phase}", live, wait, look_at=running.task_id)


NOT_STARTED = Headline(
    "idle",
    "Not started yet",
    "The run waits for its turn: one import runs at a time.",
    "Nothing to do; this page follows the run.",
)
