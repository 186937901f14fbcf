"""One run of the import in a real Airflow, followed and cleared over REST as a person would."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from local.airflow_client import PAGE_SIZE, AirflowClient

DAG_ID = "filemaker_import"
RUN_SECONDS = 480.0
TASK_SECONDS = 400.0
APPROVE = "publish.approve_plan"
WAITING_FOR_A_PERSON = ("deferred", "awaiting_input")


class ImportRun:
    """A run by its id; of the import, unless a subclass says otherwise."""

    dag_id = DAG_ID

    def __init__(self, client: AirflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    @property
    def path(self) -> str:
        """Return the run's path below the REST API."""
        return f"dags/{self.dag_id}/dagRuns/{quote(self.run_id, safe='')}"

    def wait(self, seconds: float = RUN_SECONDS) -> str:
        """Wait until the run has ended and return its state."""
        state: str = self.client.wait(self.dag_id, self.run_id, seconds)["state"]
        return state

    def wait_for(self, task_id: str, *states: str) -> str:
        """Wait until a task is in one of the states and return which."""
        return self.client.wait_for_task(self.dag_id, self.run_id, task_id, states, TASK_SECONDS)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the task instances by task id."""
        return {each["task_id"]: each for each in self.client.task_instances(self.dag_id, self.run_id)}

    def running(self) -> set[str]:
        """Return the ids of the tasks that run now."""
        return {name for name, task in self.tasks().items() if task["state"] == "running"}

    def log(self, task_id: str) -> list[str]:
        """Return the messages of a task's latest try."""
        attempt = self.tasks()[task_id]["try_number"]
        return self.client.logs(self.dag_id, self.run_id, task_id, attempt)

    def last_words(self) -> str:
        """Return the verdict that `outcome` spoke: what was done, or why not and which task to clear."""
        spoken = [line for line in self.log("end.outcome") if line.startswith(("✅", "RunStopped: ❌"))]
        return spoken[-1].removeprefix("RunStopped: ")

    def named_task(self) -> str:
        """Return the task that the verdict tells to clear."""
        found = re.search(r"Clear (\S+) with downstream", self.last_words())
        assert found, self.last_words()
        return found[1]

    def clear(self, task_id: str) -> None:
        """Clear a task with downstream, as the UI's dialog does unless told otherwise."""
        self.client.clear(self.dag_id, self.run_id, [task_id])

    def clear_as_rest_does(self, task_id: str, **body: Any) -> None:
        """Clear a task with the defaults of the REST API: only if it failed, and nothing after it."""
        named = {"dag_run_id": self.run_id, "task_ids": [task_id], "dry_run": False}
        self.client.request("POST", f"dags/{self.dag_id}/clearTaskInstances", json=named | body)

    def mark_success(self, task_id: str) -> None:
        """Mark a task as success by hand."""
        self.client.set_task_state(self.dag_id, self.run_id, task_id, "success")

    def question(self, task_id: str) -> str:
        """Return the text of the question that a person is asked."""
        body: str = self.client.request("GET", f"{self.path}/taskInstances/{task_id}/-1/hitlDetails")["body"]
        return body

    def xcoms(self) -> dict[tuple[str, str], Any]:
        """Return every value that the run's tasks left, by task id and key."""
        found: dict[tuple[str, str], Any] = {}
        while True:
            page = {"limit": PAGE_SIZE, "offset": len(found)}
            entries = self.client.request("GET", f"{self.path}/taskInstances/~/xcomEntries", params=page)
            for entry in entries["xcom_entries"]:
                task_id, key = entry["task_id"], entry["key"]
                found[task_id, key] = self.client.xcom(self.dag_id, self.run_id, task_id, key)
            if len(found) >= entries["total_entries"] or not entries["xcom_entries"]:
                return found
