"""A small client of Airflow's REST API, for the demo and for tests that drive a whole run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import requests

POLL_SECONDS = 0.5
REQUEST_TIMEOUT_SECONDS = 30
FINISHED_STATES = frozenset({"success", "failed"})
PAGE_SIZE = 100
HEALTH_COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
Json = dict[str, Any]
T = TypeVar("T")


class AirflowClientError(RuntimeError):
    """Airflow refused a request; `status` is the HTTP status and the message ends with Airflow's reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AirflowClient:
    """Talks to one Airflow as one user; logs in at the first request.

    Methods raise AirflowClientError when Airflow answers with an error, TimeoutError when a wait is over.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._username = username
        self._password = password
        self._session = requests.Session()
        # an environment's proxy must not see requests to loopback
        self._session.trust_env = False

    def request(self, method: str, path: str, **named: Any) -> Any:
        """Send one request below /api/v2 and return the decoded answer, None when it has no body."""
        if "Authorization" not in self._session.headers:
            self._log_in()
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=REQUEST_TIMEOUT_SECONDS, **named)
        if not answer.ok:
            raise AirflowClientError(answer.status_code, f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def is_healthy(self, components: Iterable[str] = HEALTH_COMPONENTS) -> bool:
        """Tell whether Airflow answers and each of the components reports itself healthy."""
        try:
            answer = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            health = answer.json()
        except (requests.RequestException, ValueError):
            return False
        return all((health.get(name) or {}).get("status") == "healthy" for name in components)

    def dag(self, dag_id: str) -> Json | None:
        """Return the DAG, or None while Airflow does not know it."""
        try:
            answer: Json = self.request("GET", f"dags/{dag_id}")
        except AirflowClientError as error:
            if error.status == requests.codes.not_found:
                return None
            raise
        return answer

    def wait_for_dag(self, dag_id: str, seconds: float = 60.0) -> Json:
        """Wait until the DAG processor has stored the DAG; import errors end the wait."""

        def ready() -> Json | None:
            if errors := self.import_errors():
                raise AirflowClientError(0, "\n".join(error["stack_trace"] for error in errors))
            return self.dag(dag_id)

        return _wait(ready, seconds, f"DAG {dag_id}")

    def import_errors(self) -> list[Json]:
        """Return the errors of DAG files that could not be read."""
        errors: list[Json] = self.request("GET", "importErrors")["import_errors"]
        return errors

    def unpause(self, dag_id: str, *, paused: bool = False) -> None:
        """Let the scheduler start runs of the DAG, or stop it from that."""
        self.request("PATCH", f"dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, object] | None = None, *, note: str = "") -> str:
        """Start a run now and return its id."""
        body = {"logical_date": None, "conf": dict(conf or {}), "note": note or None}
        run_id: str = self.request("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        return run_id

    def run(self, dag_id: str, run_id: str) -> Json:
        """Return one run."""
        run: Json = self.request("GET", _run_path(dag_id, run_id))
        return run

    def runs(self, dag_id: str) -> list[Json]:
        """Return the DAG's latest runs, newest first."""
        parameters: dict[str, str | int] = {"order_by": "-run_after", "limit": PAGE_SIZE}
        runs: list[Json] = self.request("GET", f"dags/{dag_id}/dagRuns", params=parameters)["dag_runs"]
        return runs

    def wait(self, dag_id: str, run_id: str, seconds: float = 600.0) -> Json:
        """Wait until the run has ended and return it."""

        def ended() -> Json | None:
            run = self.run(dag_id, run_id)
            return run if run["state"] in FINISHED_STATES else None

        return _wait(ended, seconds, f"the end of run {run_id}")

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Return every task instance of the run."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances"
        found: list[Json] = []
        while True:
            page = self.request("GET", path, params={"limit": PAGE_SIZE, "offset": len(found)})
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def task_state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        """Return the state of one task instance, None before it is scheduled."""
        state: str | None = self.request("GET", _task_path(dag_id, run_id, task_id))["state"]
        return state

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, states: Iterable[str], seconds: float = 300.0
    ) -> str:
        """Wait until the task is in one of the states and return which."""
        wanted = set(states)

        def reached() -> str | None:
            state = self.task_state(dag_id, run_id, task_id)
            return state if state in wanted else None

        return _wait(reached, seconds, f"task {task_id} in {sorted(wanted)}")

    def logs(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[str]:
        """Return the messages of a task's log, one string per event, and one per error that ended the task."""
        path = f"{_task_path(dag_id, run_id, task_id)}/logs/{attempt}"
        headers = {"Accept": "application/json"}
        content = self.request("GET", path, params={"full_content": "true"}, headers=headers)["content"]
        return [line for event in content for line in _messages(event)]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return a value that a task left for others, decoded."""
        path = f"{_task_path(dag_id, run_id, task_id)}/xcomEntries/{quote(key, safe='')}"
        return self.request("GET", path, params={"deserialize": "false", "stringify": "false"})["value"]

    def clear(
        self,
        dag_id: str,
        run_id: str,
        task_ids: Iterable[str],
        *,
        downstream: bool = True,
        only_failed: bool = False,
    ) -> list[str]:
        """Let tasks of a run start again, as the UI's Clear does, and return the ids of those cleared."""
        body = {
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "include_downstream": downstream,
            "only_failed": only_failed,
            "reset_dag_runs": True,
            "dry_run": False,
        }
        answer = self.request("POST", f"dags/{dag_id}/clearTaskInstances", json=body)
        return [instance["task_id"] for instance in answer["task_instances"]]

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task by hand as "success" or "failed"."""
        self.request("PATCH", _task_path(dag_id, run_id, task_id), json={"new_state": state})

    def answer(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        options: Iterable[str],
        params: Mapping[str, object] | None = None,
    ) -> None:
        """Answer a task that waits for a person, for example with ["Approve"]."""
        body = {"chosen_options": list(options), "params_input": dict(params or {})}
        self.request("PATCH", f"{_task_path(dag_id, run_id, task_id)}/-1/hitlDetails", json=body)

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Create a pool or change its number of slots."""
        pool = {"slots": slots, "description": description, "include_deferred": False}
        try:
            self.request("POST", "pools", json=pool | {"name": name})
        except AirflowClientError as error:
            if error.status != requests.codes.conflict:
                raise
            self.request("PATCH", f"pools/{quote(name, safe='')}", json=pool | {"pool": name})

    def event_logs(self, dag_id: str) -> list[Json]:
        """Return the audit log of a DAG, newest first: who triggered, cleared, answered or tried to."""
        parameters: dict[str, str | int] = {"dag_id": dag_id, "order_by": "-when", "limit": PAGE_SIZE}
        events: list[Json] = self.request("GET", "eventLogs", params=parameters)["event_logs"]
        return events

    def _log_in(self) -> None:
        body = {"username": self._username, "password": self._password}
        answer = self._session.post(f"{self.url}/auth/token", json=body, timeout=REQUEST_TIMEOUT_SECONDS)
        if not answer.ok:
            raise AirflowClientError(answer.status_code, f"login of {self._username}: {answer.status_code}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _messages(event: str | Json) -> Iterator[str]:
    if isinstance(event, str):
        yield event
        return
    yield event.get("event", "")
    for error in event.get("error_detail") or []:
        yield f"{error.get('exc_type')}: {error.get('exc_value')}"


def _run_path(dag_id: str, run_id: str) -> str:
    return f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id, safe='')}"


def _wait(ready: Callable[[], T | None], seconds: float, what: str) -> T:
    deadline = time.monotonic() + seconds
    while (value := ready()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)
    return value
