"""Runs of the DAG's own tasks, one after the other, in this process: their code, their order, their gates.

The scheduler is not here (the tests in `tests/e2e` have it): a gate that returns False skips what follows, a task
that raises fails what follows, and the two teardowns run in any case, as Airflow does it.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import get_current_context
from airflow.sdk.execution_time.context import set_current_context
from nexus_import.errors import NexusImportError
from nexus_import.phases.asking import Answer

from tests.support.installation import Installation

DAGS = Path(__file__).resolve().parents[2] / "dags"
OPERATOR = "admin"
APPROVALS = {"publish.approve_plan", "restore.approve_restore"}


def load_dag(dag_id: str = "filemaker_import") -> Any:
    """Return a DAG as Airflow parses it."""
    bag = DagBag(str(DAGS))
    if bag.import_errors:
        raise AssertionError(bag.import_errors)
    return bag.dags[dag_id]


@dataclass
class Run:
    """One DAG run: `states` by task id, what the tasks returned, and the errors of those that failed.

    `answer` is what `answered_by` says when the run asks (`answered_when`: the answer to the question when to publish);
    `questions` is what was asked, as Markdown.
    """

    installation: Installation
    dag: Any
    params: dict[str, Any]
    run_type: str = "manual"
    who: str | None = OPERATOR
    run_after: datetime = field(default_factory=lambda: datetime.now(UTC))
    run_id: str = field(default_factory=lambda: f"manual__{uuid.uuid4().hex}")
    states: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    answer: str | None = None
    answered_by: str = OPERATOR
    answered_when: str = "in the publish window"
    questions: list[str] = field(default_factory=list)

    def go(self, *, until: str | None = None) -> Run:
        """Run every task that has not run, in order; stop after `until` if it is given."""
        for task in self.dag.topological_sort():
            if task.task_id not in self.states:
                self._run_or_skip(task)
            if task.task_id == until:
                break
        return self

    def clear(self, task_id: str, *, downstream: bool = True) -> Run:
        """Clear a task, by default with downstream, as the UI's dialog does; `go` runs them again."""
        task = self.dag.get_task(task_id)
        cleared = {task_id} | ({t.task_id for t in task.get_flat_relatives(upstream=False)} if downstream else set())
        for name in cleared:
            self.states.pop(name, None)
            self.results.pop(name, None)
            self.errors.pop(name, None)
        return self

    @property
    def is_green(self) -> bool:
        """Tell whether the run ended green: the verdict alone decides."""
        return self.states.get("end.outcome") == "success"

    @property
    def last_words(self) -> str:
        """What `outcome` said when it turned the run red."""
        return str(self.errors.get("end.outcome", ""))

    @property
    def named_task(self) -> str:
        """The task that the last words tell to clear."""
        named = re.search(r"Clear (\S+) with downstream", self.last_words)
        assert named, self.last_words
        return named[1]

    def findings(self, check_id: str) -> list[tuple[Any, ...]]:
        """Return (record id, FileMaker id, Nexus id, field) of a check's findings."""
        return self.installation.rows(
            "SELECT record_id, filemaker_id, nexus_id, field FROM nexus_import.finding"
            " WHERE run_id = %s AND check_id = %s ORDER BY record_id, nexus_id",
            self.run_id,
            check_id,
        )

    def _run_or_skip(self, task: Any) -> None:
        states = [self.states[name] for name in task.upstream_task_ids]
        if task.is_teardown:
            self._run(task)
        elif task.trigger_rule in {"none_failed", "none_failed_min_one_success"}:
            if any(state in {"failed", "upstream_failed"} for state in states):
                self.states[task.task_id] = "upstream_failed"
            else:
                self._run(task)
        elif any(state in {"failed", "upstream_failed"} for state in states):
            self.states[task.task_id] = "upstream_failed"
        elif any(state == "skipped" for state in states):
            self.states[task.task_id] = "skipped"
        else:
            self._run(task)

    def _run(self, task: Any) -> None:
        self.tries[task.task_id] = self.tries.get(task.task_id, 0) + 1
        started = time.perf_counter()
        with set_current_context(self._context(task)):  # type: ignore[arg-type]
            try:
                result = self._call(task)
            except (NexusImportError, OSError) as error:
                logging.getLogger("nexus_import").error("%s failed: %s", task.task_id, error)
                self.states[task.task_id], self.errors[task.task_id] = "failed", error
                return
            finally:
                self.durations[task.task_id] = time.perf_counter() - started
        self.states[task.task_id], self.results[task.task_id] = "success", result
        self._skip_after(task, result)

    def _call(self, task: Any) -> Any:
        if task.task_id in APPROVALS:
            return self._answer(task)
        arguments = [self.results.get(argument.operator.task_id) for argument in task.op_args]
        return task.python_callable(*arguments)

    def _answer(self, task: Any) -> bool:
        """Ask as the task does, and answer as a person would."""
        if self.answer is None:
            raise AssertionError("this run waits for an approval, and the test gives no answer")
        context = get_current_context()
        task.ask(context)
        self.questions.append(task.body)
        event: dict[str, Any] = {
            "chosen_options": [self.answer],
            "params_input": {"when": self.answered_when},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": self.answered_by, "name": self.answered_by},
        }
        if self.answer == "Timed out":
            event = {"error": "no answer", "error_type": "timeout"}
        task.record(self.run_id, Answer.of_event(event))
        return self.answer == "Approve"

    def _skip_after(self, task: Any, result: Any) -> None:
        followers: list[Any] = []
        if getattr(task, "ignore_downstream_trigger_rules", None) is True and result is False:
            followers = task.get_flat_relatives(upstream=False)
        elif getattr(task, "ignore_downstream_trigger_rules", None) is False and result is False:
            followers = task.get_direct_relatives(upstream=False)
        elif task.task_id == "publish.decide":
            chosen = {result} | ({"publish.publish_plan"} if result == "publish.approve_plan" else set())
            followers = [t for t in task.get_direct_relatives(upstream=False) if t.task_id not in chosen]
        for follower in followers:
            if not follower.is_teardown:
                self.states.setdefault(follower.task_id, "skipped")

    def _context(self, task: Any) -> dict[str, Any]:
        ti = SimpleNamespace(
            task_id=task.task_id,
            try_number=self.tries[task.task_id],
            get_task_states=lambda **_: {self.run_id: dict(self.states)},
            get_task_breadcrumbs=lambda **_: [
                {"task_id": name, "state": state, "duration": self.durations.get(name)}
                for name, state in self.states.items()
            ],
        )
        dag_run = SimpleNamespace(
            dag_id=self.dag.dag_id,
            run_id=self.run_id,
            run_type=self.run_type,
            run_after=self.run_after,
            triggering_user_name=self.who,
            conf=dict(self.params),
        )
        return {
            # a task may have parameters of its own, beside the run's
            "params": dict(task.params) | self.params,
            "dag_run": dag_run,
            "ti": ti,
            "run_id": self.run_id,
            "dag": self.dag,
            "task": task,
        }
