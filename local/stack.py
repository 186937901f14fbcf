"""The whole system on one machine: two PostgreSQL clusters, S3, FileMaker's simulator, mail and Airflow.

`with Stack(directory) as stack:` brings all of it up with a synthetic clinic, and ends it. A part whose
address is set in the environment (see `Addresses`) is used from there: it is not started, and nothing is put
into it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from secrets import token_urlsafe
from types import TracebackType

import requests

from local.addresses import Addresses
from local.airflow import ADMIN, VIEWER, AirflowSettings
from local.airflow_client import AirflowClient
from local.clinic import CONFIGURATION_OF_CLINIC, SEED_CLINIC, load_nexus
from local.network import LOOPBACK, free_ports, is_listening
from local.nexus_database import (
    BACKUP_ROLE,
    IMPORT_ROLE,
    REPOSITORY,
    RESTORE_ROLE,
    NexusDatabase,
)
from local.postgres import PostgresCluster
from local.processes import Program, StackError
from local.state import write_env_file
from local.supervisor import Supervisor

FILEMAKER_POOL = "filemaker"
FILEMAKER_POOL_SLOTS = 3
CLINIC_SECONDS = 300.0
SERVER_SECONDS = 60.0
AIRFLOW_SECONDS = 240.0
WARM_UP_SECONDS = 60.0
POLL_SECONDS = 0.2


class Stack:
    """Brings the parts up side by side, as soon as what each needs is there, and ends them together.

    `directory` must be empty or new. `clinic` is a kind of synthetic clinic (`local.clinic.CLINICS`). `report` is
    called from several threads with the name and the seconds of each step that is done. `durable` lets the
    databases wait for the disk. Raises StackError when a part does not come up; everything is ended before.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clinic: str = SEED_CLINIC,
        scale: float = 1.0,
        seed: int = 1,
        dags_folder: Path = REPOSITORY / "dags",
        plugins_folder: Path = REPOSITORY / "plugins",
        env_file: Path | None = None,
        durable: bool = False,
        environment: Mapping[str, str] = os.environ,
        report: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        self.directory = directory.resolve()
        self.clinic_dir = self.directory / "clinic"
        self.env_file = env_file or self.directory / "env"
        self.addresses = Addresses.from_environment(environment)
        self.nexus: NexusDatabase | None = None
        self.metadata: PostgresCluster | None = None
        self.supervisor = Supervisor()
        self._clinic = clinic
        self._scale = scale
        self._seed = seed
        self._dags_folder = dags_folder
        self._plugins_folder = plugins_folder
        self._durable = durable
        self._report = report
        self._smtp_port: int | None = None
        self._settings: AirflowSettings | None = None
        self._ports = iter(free_ports(8))
        self._plan()

    def __enter__(self) -> Stack:
        """Bring everything up."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.stop()

    @property
    def airflow(self) -> AirflowClient:
        """Return a new client of Airflow as its administrator."""
        return AirflowClient(self.addresses.airflow_url, self.addresses.airflow_user, self.addresses.airflow_password)

    @property
    def viewer(self) -> AirflowClient:
        """Return a new client of Airflow as somebody who may only look."""
        return AirflowClient(
            self.addresses.airflow_url, self.addresses.airflow_viewer, self.addresses.airflow_viewer_password
        )

    def airflow_environment(self) -> dict[str, str]:
        """Return the environment in which `airflow` commands reach the embedded Airflow.

        Raises StackError when Airflow comes from outside.
        """
        if self._settings is None:
            raise StackError("Airflow is not embedded: its environment is not known here")
        return self._settings.environment()

    def start(self) -> None:
        """Bring up the parts and write the env file; on any error end them again."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with ThreadPoolExecutor(thread_name_prefix="stack") as pool:
                try:
                    self._start_all(pool)
                except BaseException:
                    # the steps that still run end with an error when their programs do
                    self.stop()
                    pool.shutdown(cancel_futures=True)
                    raise
            write_env_file(self.env_file, self.addresses.environment())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all parts, Airflow before the databases it writes to; may be called twice."""
        self.supervisor.stop_all()
        for cluster in (self.metadata, self.nexus.cluster if self.nexus else None):
            if cluster is not None:
                cluster.stop()

    def _plan(self) -> None:
        """Decide what is embedded, and on which ports and with which passwords it will be."""
        places = self.addresses
        if not places.nexus_db_uri and not places.nexus_import_db_uri:
            cluster = PostgresCluster(self.directory / "nexus", port=next(self._ports), durable=self._durable)
            self.nexus = NexusDatabase(cluster)
            places.nexus_db_uri = self.nexus.uri()
            places.nexus_import_db_uri = self.nexus.uri(IMPORT_ROLE)
            places.nexus_backup_db_uri = self.nexus.uri(BACKUP_ROLE)
            places.nexus_restore_db_uri = self.nexus.uri(RESTORE_ROLE)
        self._filemaker = None if places.filemaker_url else self._plan_filemaker()
        self._s3 = None if places.s3_endpoint else self._plan_s3()
        self._mail = None if places.mail_dir else self._plan_mail()
        if self._filemaker or self._s3 or self.nexus:
            places.clinic_dir = str(self.clinic_dir)
        if not places.airflow_url:
            self._plan_airflow()

    def _plan_filemaker(self) -> Program:
        port, control_port = next(self._ports), next(self._ports)
        places = self.addresses
        places.filemaker_url = f"http://{LOOPBACK}:{port}"
        places.filemaker_control_url = f"http://{LOOPBACK}:{control_port}"
        places.filemaker_database, places.filemaker_user = "Clinic", "nexus_import"
        places.filemaker_password = token_urlsafe(12)
        data = ("--data", str(self.clinic_dir / "filemaker"))
        return self._server("simulator", port, *data, "--control-port", str(control_port))

    def _plan_s3(self) -> Program:
        port = next(self._ports)
        places = self.addresses
        places.s3_endpoint, places.s3_bucket = f"http://{LOOPBACK}:{port}", "nexus"
        places.aws_access_key_id, places.aws_secret_access_key = "nexus", token_urlsafe(18)
        directory = ("--directory", str(self.directory / "s3"), "--bucket", places.s3_bucket)
        return self._server("s3", port, *directory, "--clinic", str(self.clinic_dir))

    def _plan_mail(self) -> Program:
        self._smtp_port = next(self._ports)
        self.addresses.mail_dir = str(self.directory / "mail")
        return self._server("mail", self._smtp_port, "--directory", self.addresses.mail_dir)

    def _plan_airflow(self) -> None:
        metadata = PostgresCluster(self.directory / "metadata", port=next(self._ports), durable=self._durable)
        password = token_urlsafe(18)
        self.metadata = metadata
        self._settings = AirflowSettings(
            home=self.directory / "airflow",
            metadata_uri=metadata.uri("airflow", "airflow", password),
            dags_folder=self._dags_folder,
            plugins_folder=self._plugins_folder,
            connections=self.addresses.connections(self._smtp_port),
            extra_env={"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK},
        )
        self._metadata_password = password
        places = self.addresses
        places.airflow_url = self._settings.url
        places.airflow_user, places.airflow_password = ADMIN, self._settings.admin_password
        places.airflow_viewer, places.airflow_viewer_password = VIEWER, self._settings.viewer_password

    def _start_all(self, pool: ThreadPoolExecutor) -> None:
        steps: list[Future[None]] = []
        # Airflow first: it is the longest way
        if self._settings is not None:
            steps.append(self._submit(pool, "Airflow", self._start_airflow, self._settings))
        if self._mail is not None:
            steps.append(self._submit(pool, "Mail sink", self._start_server, self._mail))
        database = None
        if self.nexus is not None:
            database = self._submit(pool, "Nexus database", self._create_nexus, self.nexus)
            steps.append(database)
        if self.addresses.clinic_dir:
            steps.append(self._submit(pool, "Synthetic clinic", self._make_clinic))
            _wait_for(steps[-1:], steps)
        if self._s3 is not None:
            steps.append(self._submit(pool, "S3 server", self._start_server, self._s3))
        if self._filemaker is not None:
            steps.append(self._submit(pool, "FileMaker simulator", self._start_server, self._filemaker))
        if self.nexus is not None and database is not None:
            _wait_for([database], steps)
            steps.append(self._submit(pool, "Nexus rows", self._fill_nexus, self.nexus))
        _wait_for(steps, steps)

    def _submit(
        self, pool: ThreadPoolExecutor, name: str, step: Callable[..., None], *arguments: object
    ) -> Future[None]:
        def run() -> None:
            started = time.monotonic()
            step(*arguments)
            self._report(name, time.monotonic() - started)

        return pool.submit(run)

    def _server(self, name: str, port: int, *arguments: str) -> Program:
        command = (sys.executable, "-m", f"local.{name}", "--port", str(port), *arguments)
        return Program(name, command, self._log_file(name), cwd=REPOSITORY)

    def _log_file(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def _start_server(self, program: Program) -> None:
        port = int(program.command[program.command.index("--port") + 1])
        self.supervisor.start(program).wait_until(lambda: is_listening(port), SERVER_SECONDS)

    def _make_clinic(self) -> None:
        options = ("--clinic", self._clinic, "--scale", str(self._scale), "--seed", str(self._seed))
        command = (sys.executable, "-m", "local.clinic", str(self.clinic_dir), *options)
        program = Program("clinic", command, self._log_file("clinic"), cwd=REPOSITORY, has_to_run=False)
        running = self.supervisor.start(program)
        running.wait_until(lambda: running.exit_code == 0, CLINIC_SECONDS)
        if self._filemaker is None:
            return
        # each stack has its own password; Airflow got it before the clinic was there
        account_file = self.clinic_dir / "filemaker" / "database.json"
        account = json.loads(account_file.read_text())
        account |= {
            "database": self.addresses.filemaker_database,
            "user": self.addresses.filemaker_user,
            "password": self.addresses.filemaker_password,
        }
        account_file.write_text(json.dumps(account))

    def _create_nexus(self, nexus: NexusDatabase) -> None:
        nexus.cluster.start()
        nexus.create()

    def _fill_nexus(self, nexus: NexusDatabase) -> None:
        load_nexus(nexus.uri(), self.clinic_dir)
        nexus.grant(CONFIGURATION_OF_CLINIC[self._clinic])

    def _start_airflow(self, settings: AirflowSettings) -> None:
        assert self.metadata is not None
        self.metadata.start()
        self.metadata.create_role("airflow", self._metadata_password)
        self.metadata.create_database("airflow", "airflow")
        settings.write_passwords()
        running = self.supervisor.start(settings.program())
        client = self.airflow
        running.wait_until(client.is_healthy, AIRFLOW_SECONDS)
        # the first request builds the tasks' interface for several seconds, longer than a task waits for it
        requests.get(f"{settings.url}/execution/health", timeout=WARM_UP_SECONDS).raise_for_status()
        client.set_pool(FILEMAKER_POOL, FILEMAKER_POOL_SLOTS, "FileMaker Data API sessions of all tasks")


def _wait_for(wanted: list[Future[None]], all_steps: list[Future[None]]) -> None:
    """Wait until the wanted steps are done; an error of any step ends the wait and is raised."""
    while not all(step.done() for step in wanted):
        for step in all_steps:
            if step.done():
                step.result()
        time.sleep(POLL_SECONDS)
    for step in wanted:
        step.result()
