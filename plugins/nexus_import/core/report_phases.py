"""The phases as a report shows them: the requirement's names, and each with its time, records and errors. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

PHASES: dict[str, str] = {
    "start": "Start",
    "phase_0_validate": "Phase 0: Pre-Import Validation",
    "phase_1_preserve": "Phase 1: System Configuration (preserved)",
    "phase_2_delete": "Phase 2: Delete Existing Patient Data",
    "phase_3_patients": "Phase 3: Import Patients",
    "phase_4_appointments": "Phase 4: Import Appointments",
    "phase_5_notes": "Phase 5: Import Notes, Letters, Reminders",
    "phase_6_documents": "Phase 6: Re-Link Documents",
    "phase_7_images": "Phase 7: Re-Link Images (via ImageBatch)",
    "phase_8_validate": "Phase 8: Post-Import Validation",
    "publish": "Publish: plan, approve, switch, verify",
    "end": "End: report and outcome",
}
"""The task groups of the DAG in their order, in the words of its graph."""
CHECKS_ONLY = {"publish": "Publish: the look at live Nexus"}
State = Literal["waiting", "missed", "running", "passed", "stopped", "asking", "skipped"]
STATE_WORDS: dict[State, str] = {
    "waiting": "not yet",
    "missed": "not reached",
    "running": "running",
    "passed": "passed",
    "stopped": "stopped here",
    "asking": "waiting for you",
    "skipped": "nothing to do",
}


@dataclass(frozen=True)
class StepLine:
    """One step as the timeline shows it; `seconds` is its own time."""

    name: str
    task_id: str
    finished_at: datetime
    seconds: float
    is_passed: bool
    record_count: int
    error_count: int

    @property
    def started_at(self) -> datetime:
        """When the step began."""
        return self.finished_at - timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class TaskNow:
    """A task of the run as Airflow knows it now; only what runs, waits for a person or failed is of interest."""

    task_id: str
    state: str
    started_at: datetime | None = None
    try_number: int = 1

    @property
    def is_asking(self) -> bool:
        """Tell whether the task waits for a person's answer."""
        return self.state in {"awaiting_input", "deferred"}

    @property
    def is_running(self) -> bool:
        """Tell whether the task is at work or about to be."""
        return self.state in {"running", "queued", "scheduled", "restarting", "up_for_retry"}


@dataclass(frozen=True)
class PhaseLine:
    """A phase with its steps, each step as it ran last; `earlier_count` steps ran before and were cleared."""

    group: str
    title: str
    state: State
    steps: list[StepLine] = field(default_factory=list)
    earlier_count: int = 0

    @property
    def seconds(self) -> float:
        """The time that the phase's steps took together, tasks side by side counted once."""
        total, until = 0.0, None
        for step in sorted(self.steps, key=lambda step: step.started_at):
            begun = step.started_at if until is None else max(step.started_at, until)
            total += max((step.finished_at - begun).total_seconds(), 0.0)
            until = step.finished_at if until is None else max(until, step.finished_at)
        return total

    @property
    def record_count(self) -> int:
        """The records that the phase's steps worked on, without its checks and gates."""
        return sum(step.record_count for step in self.steps if not step.name.startswith(("check_", "gate_")))

    @property
    def error_count(self) -> int:
        """The errors that the phase's steps met; a gate repeats those of its checks."""
        return max((step.error_count for step in self.steps), default=0)

    @property
    def word(self) -> str:
        """The phase's state in words."""
        return STATE_WORDS[self.state]


def phase_of(name: str) -> str:
    """Return the title of the phase that a check id or a task id stands in."""
    group = name.replace("/", ".").partition(".")[0]
    if group in CHECKS_ONLY and "/" in name:
        return CHECKS_ONLY[group]
    exact = PHASES.get(group)
    return exact or next((title for key, title in PHASES.items() if key.startswith(f"{group}_")), group)


def phase_lines(
    steps: Iterable[StepLine], tasks: Iterable[TaskNow] = (), *, has_ended: bool = False
) -> list[PhaseLine]:
    """Return every phase in its order: the steps of the journal, and the tasks of Airflow that work, wait or failed.

    `has_ended` tells that what has not begun will not.
    """
    latest: dict[str, StepLine] = {}
    earlier: dict[str, int] = {}
    for step in steps:
        group = step.task_id.partition(".")[0]
        if step.name in latest:
            earlier[group] = earlier.get(group, 0) + 1
        latest[step.name] = step
    now = list(tasks)
    lines = []
    for group in PHASES:
        own = [step for step in latest.values() if step.task_id.partition(".")[0] == group]
        state = _state(group, own, [task for task in now if task.task_id.partition(".")[0] == group])
        if state == "waiting" and has_ended:
            state = "passed" if group == "end" else "missed"
        if group == "start" and state in ("waiting", "missed") and latest:
            # its one task writes the run itself and no step; what came after could not have begun without it
            state = "passed"
        lines.append(PhaseLine(group, PHASES[group], state, own, earlier.get(group, 0)))
    return lines


def _state(group: str, steps: list[StepLine], tasks: list[TaskNow]) -> State:
    # the verdict's task is red when any phase stopped the run, which says nothing about the end itself
    has_failed = any(task.state == "failed" for task in tasks if task.task_id != "end.outcome")
    if any(task.is_asking for task in tasks):
        return "asking"
    if any(task.is_running for task in tasks):
        return "running"
    if has_failed or any(not step.is_passed for step in steps):
        return "stopped"
    if steps and group == "phase_5_notes" and all(step.record_count == 0 for step in steps):
        return "skipped"
    return "passed" if steps else "waiting"
