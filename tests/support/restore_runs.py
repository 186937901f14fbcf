"""Runs of the restore's DAG, task by task, in this process; the question is answered as a person would."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context

from tests.support.runs import OPERATOR, Run

APPROVE_TASK = "restore.approve_restore"


@dataclass
class RestoreRun(Run):
    """One run of `restore_backup`. `answer` is what the person says; `questions` is what was asked, as Markdown."""

    answer: str = "Approve"
    answered_by: str = OPERATOR
    questions: list[str] = field(default_factory=list)

    def go(self, *, until: str | None = None) -> RestoreRun:
        """Run every task that has not run, in order; stop after `until` if it is given."""
        super().go(until=until)
        return self

    def _call(self, task: Any) -> Any:
        if task.task_id != APPROVE_TASK:
            return super()._call(task)
        context = get_current_context()
        task.ask(context)
        self.questions.append(task.body)
        event: dict[str, Any] = {
            "chosen_options": [self.answer],
            "params_input": {},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": self.answered_by, "name": self.answered_by},
        }
        task.note(context, {"error": "no answer", "error_type": "timeout"} if self.answer == "Timed out" else event)
        return self.answer == "Approve"


def make_restore_run(installation: Any, dag: Any, **params: Any) -> RestoreRun:
    """Return a run that has not begun; parameters default to the form's."""
    form = {"backup": "newest", "scope": "patient_data", "mode": "rehearse", "without_backup": False}
    return RestoreRun(installation, dag, form | params)
