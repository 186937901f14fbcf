"""Follows a run of the import: the lines its phases write to their task logs, as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local.airflow_client import FINISHED_STATES, AirflowClient, AirflowClientError, Json

PHASE_LINE = re.compile(r"\b(?:Phase \d+|Publish):")
# the verdict may be an error, whose line begins with its type
VERDICT_LINE = re.compile(r"✅|❌")
STATES_WITH_LOG = frozenset({"running", "success", "failed", "up_for_retry", "awaiting_input"})
WAITING_FOR_A_PERSON = "awaiting_input"
OUTCOME_TASK = "outcome"


class RunFollower:
    """Reads the logs of a run's tasks bit by bit; each line is given out once."""

    def __init__(self, client: AirflowClient, dag_id: str, run_id: str) -> None:
        self._client = client
        self._dag_id = dag_id
        self._run_id = run_id
        self._lines_read: dict[tuple[str, int], int] = {}
        self._finished: set[tuple[str, int]] = set()
        self._asked: set[tuple[str, int]] = set()
        self.state = "queued"

    @property
    def is_ended(self) -> bool:
        """Tell whether the run had ended when `new_lines` was last called."""
        return self.state in FINISHED_STATES

    def new_lines(self) -> Iterator[str]:
        """Yield the phase lines since the last call, and a line for each task that waits for a person."""
        # the state is read first, so that the logs of an ended run are read to their end
        self.state = self._client.run(self._dag_id, self._run_id)["state"]
        instances = self._client.task_instances(self._dag_id, self._run_id)
        for instance in sorted(instances, key=lambda each: each["start_date"] or ""):
            yield from self._lines_of(instance)

    def last_line_of_outcome(self) -> str:
        """Return the last line that the verdict of the run wrote, which says what to do."""
        for instance in self._client.task_instances(self._dag_id, self._run_id):
            if _is_outcome(instance):
                lines = [line for line in self._log(instance) if VERDICT_LINE.search(line)]
                return lines[-1] if lines else "The task outcome wrote no verdict."
        return f"The run has no task {OUTCOME_TASK}."

    def _lines_of(self, instance: Json) -> Iterator[str]:
        attempt = (instance["task_id"], instance["try_number"])
        if instance["state"] not in STATES_WITH_LOG or attempt in self._finished:
            return
        if instance["state"] == WAITING_FOR_A_PERSON and attempt not in self._asked:
            self._asked.add(attempt)
            yield f"{instance['task_id']} waits for a person: {self._client.url}/required_actions"
        lines = self._log(instance)
        for line in lines[self._lines_read.get(attempt, 0) :]:
            if PHASE_LINE.search(line) or (_is_outcome(instance) and VERDICT_LINE.search(line)):
                yield line
        self._lines_read[attempt] = len(lines)
        if instance["state"] != "running" and self.is_ended:
            self._finished.add(attempt)

    def _log(self, instance: Json) -> list[str]:
        """Return the lines of the task's own log; Airflow's list of log files, which grows, is left out."""
        try:
            lines = self._client.logs(self._dag_id, self._run_id, instance["task_id"], instance["try_number"])
        except AirflowClientError:
            return []
        start = lines.index("::endgroup::") + 1 if "::endgroup::" in lines else 0
        return lines[start:]


def _is_outcome(instance: Json) -> bool:
    task_id: str = instance["task_id"]
    # below a task group its id begins with the group's
    return task_id.rpartition(".")[2] == OUTCOME_TASK
