"""What the pages ask of the Airflow that serves them: the run and its tasks, the audit log, the connection to Nexus.

The API server may read Airflow's own database, which tasks may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from airflow.models.connection import Connection as AirflowConnection
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.utils.session import create_session
from psycopg import Connection, IsolationLevel
from sqlalchemy import or_, select

from nexus_import.core.report import AttemptLine
from nexus_import.core.report_phases import TaskNow
from nexus_import.settings import read_policy

READ_ONLY = (
    "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=1s -c timezone=UTC"
    " -c idle_in_transaction_session_timeout=30s -c work_mem=64MB -c jit=off"
)
"""A page holds nothing up: it cannot write, waits for no lock, and is ended when it takes long. Its statements are
short ones over many rows: to compile them takes longer than to run them, and so does sorting in files."""
CONNECT_SECONDS = 5
AUDIT_LINES = 200
EVENTS = {
    "trigger_dag_run": "asked to trigger the import",
    "post_clear_task_instances": "asked to clear tasks",
    "clear_dag_run": "asked to clear the run",
    "patch_task_instance": "asked to change a task by hand",
    "patch_dag_run": "asked to change the run by hand",
    "delete_dag_run": "asked to delete the run",
    "update_hitl_detail": "asked to answer the question",
    "patch_dag": "asked to pause or unpause the DAG",
}
"""Events of Airflow's audit log that somebody is to be seen with. Airflow writes them down before it decides."""


@dataclass(frozen=True)
class RunNow:
    """A run as Airflow knows it; `tasks` in the order in which they began."""

    state: str
    tasks: list[TaskNow] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Tell whether the run goes on."""
        return self.state in {"running", "queued", "restarting"}

    @property
    def failed_tasks(self) -> list[str]:
        """Return the tasks that failed, without those that only tell of it."""
        return [task.task_id for task in self.tasks if task.state == "failed" and not task.task_id.startswith("end.")]


class AirflowSide(Protocol):
    """What the pages need of Airflow; tests have one of their own."""

    def open_journal(self) -> Any:
        """Return a context manager that opens a connection to Nexus in a transaction that only reads."""

    def find_run(self, dag_id: str, run_id: str) -> RunNow | None:
        """Return the run as Airflow knows it, None when it does not."""

    def audit(self, dag_id: str, run_id: str | None, user: Any) -> list[AttemptLine] | None:
        """Return what people did about the run, or about none, by the audit log; None if the user may not see it."""

    def base_path(self) -> str:
        """Return the path under which the UI is served, without a slash at its end."""

    def support_contact(self) -> str:
        """Return whom to ask for help."""


class ThisAirflow:
    """The Airflow in whose API server this runs."""

    @contextmanager
    def open_journal(self) -> Iterator[Connection[Any]]:
        """Open Nexus by its Airflow connection: of the environment, of a secrets backend, or of Airflow's database."""
        connection_id = read_policy().connections.nexus
        found = AirflowConnection.get_connection_from_secrets(connection_id)
        found.set_extra(_with_timeout(found))
        hook = PostgresHook(connection=found, options=READ_ONLY, log_sql=False)
        with closing(cast(Connection[Any], hook.get_conn())) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection

    def find_run(self, dag_id: str, run_id: str) -> RunNow | None:
        """Ask Airflow's database for the run and its tasks."""
        of_run = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        with create_session() as session:
            state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            if state is None:
                return None
            rows = session.execute(
                select(TaskInstance.task_id, TaskInstance.state, TaskInstance.start_date, TaskInstance.try_number)
                .where(*of_run, TaskInstance.state.is_not(None))
                .order_by(TaskInstance.start_date, TaskInstance.task_id)
            )
            return RunNow(str(state), [TaskNow(task, str(now), at, tries) for task, now, at, tries in rows])

    def audit(self, dag_id: str, run_id: str | None, user: Any) -> list[AttemptLine] | None:
        """Ask Airflow's audit log; the right to see it is one of its own."""
        allowed = get_auth_manager().is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.AUDIT_LOG, details=DagDetails(id=dag_id), user=user
        )
        if not allowed:
            return None
        # a clear names its run in the body of the request, which the log keeps as text
        of_run = (
            Log.run_id.is_(None)
            if run_id is None
            else or_(Log.run_id == run_id, Log.extra.contains(run_id, autoescape=True))
        )
        with create_session() as session:
            rows = session.execute(
                select(Log.dttm, Log.owner, Log.event, Log.task_id)
                .where(Log.dag_id == dag_id, Log.event.in_(EVENTS), of_run)
                .order_by(Log.id.desc())
                .limit(AUDIT_LINES)
            )
            return [
                AttemptLine(at, who, f"{EVENTS[event]}{f' ({task})' if task else ''}", "by Airflow's audit log")
                for at, who, event, task in rows
                if at is not None
            ]

    def base_path(self) -> str:
        """Return the path of `[api] base_url`."""
        return base_path()

    def support_contact(self) -> str:
        """Return the policy's word."""
        return read_policy().support_contact


def base_path() -> str:
    """Return the path under which Airflow's UI is served, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def _with_timeout(connection: AirflowConnection) -> str:
    return json.dumps({"connect_timeout": CONNECT_SECONDS} | connection.extra_dejson)
