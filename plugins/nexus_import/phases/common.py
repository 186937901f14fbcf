"""What every phase's tasks share: connections from hooks, one transaction a task, the journal, the log lines."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import psycopg
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import DAG, BaseHook, BaseOperator, get_current_context
from botocore.config import Config
from psycopg import Connection, IsolationLevel

from nexus_import import clock
from nexus_import.core import progress
from nexus_import.errors import ConfigurationError, DatabaseRefusedError, NexusImportError
from nexus_import.filemaker.files_hook import FileMakerFilesHook
from nexus_import.filemaker.hook import FileMakerHook
from nexus_import.filemaker.source import DataApiSource, Source
from nexus_import.nexus.database_errors import describe
from nexus_import.nexus.journal import StepRecord, record_failure, record_step
from nexus_import.nexus.session import SESSION_OPTIONS
from nexus_import.settings import Parameters, Settings
from nexus_import.storage import ObjectStore, read_times_quickly

log = logging.getLogger("nexus_import")

Counts = dict[str, int]


def load_settings() -> Settings:
    """Return policy and parameters for the running task's DAG run."""
    return Settings.load(read_parameters(set(Parameters.model_fields)), get_current_context()["dag_run"].run_type)


def read_parameters(known: set[str]) -> dict[str, Any]:
    """Return the running task's parameters of these names, and whatever else the run was triggered with.

    A task may have parameters of its own (the question has one), which are none of the run's.
    """
    context = get_current_context()
    given = {name: value for name, value in (context["dag_run"].conf or {}).items() if name not in known}
    return given | {name: value for name, value in context["params"].items() if name in known}


@contextmanager
def open_session(connection_id: str) -> Iterator[Connection[Any]]:
    """Open a connection to Nexus; the caller opens transactions. PostgreSQL's errors are raised as they are."""
    hook = PostgresHook(postgres_conn_id=connection_id, options=SESSION_OPTIONS, log_sql=False)
    with closing(cast(Connection[Any], hook.get_conn())) as connection:
        connection.autocommit = True
        # behind a pooler each transaction may meet another server process, which knows nothing of the last one's
        connection.prepare_threshold = None
        yield connection


@contextmanager
def connect(connection_id: str) -> Iterator[Connection[Any]]:
    """Open a connection to Nexus; the caller opens transactions. Statements and their values are not logged."""
    try:
        with open_session(connection_id) as connection:
            yield connection
    except psycopg.Error as error:
        # PostgreSQL's own text may quote a row's values: it must not reach a task log.
        raise DatabaseRefusedError(describe(error)) from None


class _StoreHook(S3Hook):
    """The provider's hook, with clients that list a bucket quickly."""

    def get_session(self, *args: Any, **options: Any) -> Any:
        """Return the session that clients are made from."""
        session = super().get_session(*args, **options)
        read_times_quickly(session)
        return session


def open_bucket(settings: Settings, config: Config | None = None) -> tuple[Any, str]:
    """Return the boto3 client of the storage connection and the name of its bucket."""
    name = settings.policy.connections.storage
    hook = _StoreHook(aws_conn_id=name, config=config)
    bucket = hook.conn_config.get_service_config("s3").get("bucket_name")
    if not bucket:
        raise ConfigurationError(
            f"The Airflow connection '{name}' names no bucket: put it into its extra, as "
            '{"service_config": {"s3": {"bucket_name": "…"}}}.'
        )
    return hook.get_conn(), bucket


def open_store(settings: Settings) -> ObjectStore:
    """Return the object store of the storage connection."""
    client, bucket = open_bucket(settings)
    return ObjectStore(client, bucket, settings.policy.storage.prefix, settings.policy.storage.encryption)


@contextmanager
def open_source(connection_id: str) -> Iterator[Source]:
    """Open where FileMaker's records come from: the type of the Airflow connection decides."""
    kind = BaseHook.get_connection(connection_id).conn_type
    if kind == FileMakerHook.conn_type:
        with FileMakerHook(connection_id).open_client() as client:
            yield DataApiSource(client)
    elif kind == FileMakerFilesHook.conn_type:
        yield FileMakerFilesHook(connection_id).get_conn()
    else:
        raise ConfigurationError(
            f"The Airflow connection '{connection_id}' is of type '{kind}'. Make it one of type "
            f"'{FileMakerHook.conn_type}' (Data API) or '{FileMakerFilesHook.conn_type}' (exported files)."
        )


@contextmanager
def journalled_failure(settings: Settings) -> Iterator[None]:
    """Write the sentence of an error of ours to the journal, for the verdict, and let the task fail with it."""
    try:
        yield
    except NexusImportError as error:
        context = get_current_context()
        # The sentence is in the log in any case; a database that is away must not hide it.
        with (
            suppress(NexusImportError),
            connect(settings.policy.connections.nexus) as connection,
            connection.transaction(),
        ):
            record_failure(connection, context["run_id"], context["ti"].task_id, error)
        raise


@dataclass
class Step:
    """One task at work: its open transaction, and what it will tell the journal, the log and XCom."""

    connection: Connection[Any]
    settings: Settings
    run_id: str
    phase: str
    counts: Counts = field(default_factory=dict)
    summary: str = ""
    record_count: int = 0
    error_count: int = 0
    is_passed: bool = True

    def finish(self, summary: str, *, records: int = 0, errors: int = 0, **counts: int) -> None:
        """Say what was done; `counts` become the XCom."""
        self.summary = summary
        self.record_count = records
        self.error_count = errors
        self.counts |= counts


@dataclass
class Begun:
    """A task at work that has not yet opened its transaction: what takes long elsewhere is done before it."""

    name: str
    phase: str
    settings: Settings
    run_id: str
    started_at: datetime
    step: Step | None = None

    @contextmanager
    def transaction(self, isolation: IsolationLevel | None = None) -> Iterator[Step]:
        """Run the block in one transaction and write the task's step to the journal inside it.

        Whatever happens, either all of the block and its journal entry is there, or nothing of it.
        """
        task = get_current_context()["ti"]
        with connect(self.settings.policy.connections.nexus) as connection:
            if isolation is not None:
                connection.isolation_level = isolation
            with connection.transaction():
                connection.execute("SELECT set_config('application_name', %s, true)", (f"nexus_import {task.task_id}",))
                step = self.step = Step(connection, self.settings, self.run_id, self.phase)
                yield step
                record_step(
                    connection,
                    StepRecord(
                        step.run_id,
                        self.name,
                        task.task_id,
                        task.try_number,
                        self.started_at,
                        passed=step.is_passed,
                        record_count=step.record_count,
                        error_count=step.error_count,
                        counts=step.counts,
                    ),
                )


def progressing(phase: str, what: str, total: int | None = None) -> progress.Progressing:
    """Return what says how far the running task is: in its log, and on its Storage tab in the UI."""
    state = get_current_context().get("task_state_store")

    def tell(snapshot: progress.Progress) -> None:
        log.info("%s: %s", phase, snapshot.line())
        if state is not None:
            state.set("progress", snapshot.line())

    return progress.Progressing(what, total, tell)


def tidy_docs(dag: DAG) -> DAG:
    """Take the indentation of the source out of what the UI shows of each task, where Markdown reads it as code."""
    for task in dag.tasks:
        if isinstance(task, BaseOperator):
            task.doc_md = inspect.cleandoc(task.doc_md or "")
    return dag


@contextmanager
def begin_step(name: str, phase: str, what: str) -> Iterator[Begun]:
    """Log the beginning and the end of a task, and journal its failure; the body opens one transaction."""
    settings = load_settings()
    started = time.monotonic()
    begun = Begun(name, phase, settings, get_current_context()["run_id"], clock.now())
    log.info("::group::%s", phase)
    log.info(progress.starting(phase, what))
    with journalled_failure(settings):
        yield begun
    if begun.step is not None:
        log.info(progress.done(phase, begun.step.summary, begun.step.error_count, time.monotonic() - started))
    log.info("::endgroup::")


@contextmanager
def open_step(name: str, phase: str, what: str, *, isolation: IsolationLevel | None = None) -> Iterator[Step]:
    """Run a task's body in one transaction, for tasks whose work is in Nexus itself; see `Begun.transaction`."""
    with begin_step(name, phase, what) as begun, begun.transaction(isolation) as step:
        yield step
