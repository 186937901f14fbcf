"""Airflow as real processes on loopback: API server, scheduler, DAG processor and triggerer.

The metadata is in a PostgreSQL cluster of its own, tasks run with LocalExecutor, and SimpleAuthManager knows
one administrator and one viewer whose passwords are made up for each state directory.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.network import LOOPBACK, free_ports
from local.processes import Program

ADMIN = "admin"
VIEWER = "viewer"
STOP_SECONDS = 15.0
MIN_HEARTBEAT_INTERVAL_SECONDS = 1
TASK_HEARTBEAT_TIMEOUT_SECONDS = 30
# the default of 1 s is waited for twice between two tasks
SCHEDULER_IDLE_SECONDS = 0.2
DAG_FILE_REFRESH_SECONDS = 5
DAG_FILE_PARSE_SECONDS = 30
PARALLEL_TASKS = 6


def _secret() -> str:
    return secrets.token_urlsafe(64)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _password() -> str:
    return secrets.token_urlsafe(12)


@dataclass(frozen=True)
class AirflowSettings:
    """Where Airflow keeps its state, what it runs, and its secrets (new ones unless given).

    `connections` are Airflow connections by id, each as the dict that Airflow reads as JSON.
    """

    home: Path
    metadata_uri: str
    dags_folder: Path
    plugins_folder: Path
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    extra_env: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    log_port: int = field(default_factory=lambda: free_ports(1)[0])
    admin_password: str = field(default_factory=_password, repr=False)
    viewer_password: str = field(default_factory=_password, repr=False)
    fernet_key: str = field(default_factory=_fernet_key, repr=False)
    jwt_secret: str = field(default_factory=_secret, repr=False)
    api_secret: str = field(default_factory=_secret, repr=False)

    @property
    def url(self) -> str:
        """Address of the UI and of the REST API."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def passwords_file(self) -> Path:
        """File that SimpleAuthManager reads the passwords from."""
        return self.home / "passwords.json"

    @property
    def log_dir(self) -> Path:
        """Directory of the processes' own logs; the tasks' logs are in `home/logs`."""
        return self.home / "processes"

    def environment(self) -> dict[str, str]:
        """Return the whole environment of Airflow's processes, including this process's own variables.

        Variables of this process that configure another Airflow are left out.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # Airflow looks for its own commands by name
        inherited["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        options = {
            f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
            for section, values in self._options().items()
            for name, value in values.items()
        }
        connections = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in self.connections.items()}
        return inherited | {"AIRFLOW_HOME": str(self.home)} | options | connections | dict(self.extra_env)

    def _options(self) -> dict[str, dict[str, object]]:
        return {
            "core": {
                "executor": "LocalExecutor",
                "parallelism": PARALLEL_TASKS,
                "dags_folder": self.dags_folder,
                "plugins_folder": self.plugins_folder,
                "load_examples": False,
                "fernet_key": self.fernet_key,
                "execution_api_server_url": f"{self.url}/execution/",
                # from Python 3.14 on the default would import Airflow again in each worker
                "mp_start_method": "fork",
                "hostname_callable": "local.network.loopback_name",
                "test_connection": "Enabled",
                "simple_auth_manager_users": f"{ADMIN}:admin,{VIEWER}:viewer",
                "simple_auth_manager_passwords_file": self.passwords_file,
            },
            "database": {"sql_alchemy_conn": self.metadata_uri.replace("://", "+psycopg2://", 1)},
            "api": {
                "host": LOOPBACK,
                "port": self.port,
                "base_url": self.url,
                "workers": 1,
                "secret_key": self.api_secret,
            },
            "api_auth": {"jwt_secret": self.jwt_secret},
            "logging": {
                "worker_log_server_port": self.log_port,
                "trigger_log_server_port": self.log_port,
            },
            "scheduler": {
                "enable_health_check": False,
                "scheduler_idle_sleep_time": SCHEDULER_IDLE_SECONDS,
                "task_instance_heartbeat_timeout": TASK_HEARTBEAT_TIMEOUT_SECONDS,
            },
            # a task's end is reported this often; the default of 5 s is most of a short run's time
            "workers": {"min_heartbeat_interval": MIN_HEARTBEAT_INTERVAL_SECONDS},
            "dag_processor": {
                "refresh_interval": DAG_FILE_REFRESH_SECONDS,
                "min_file_process_interval": DAG_FILE_PARSE_SECONDS,
                "parsing_processes": 1,
            },
            "usage_data_collection": {"enabled": False},
        }

    def write_passwords(self) -> None:
        """Write the passwords file, readable by the owner only."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.passwords_file.touch(mode=0o600)
        self.passwords_file.write_text(json.dumps({ADMIN: self.admin_password, VIEWER: self.viewer_password}))

    def program(self) -> Program:
        """Return Airflow as one program that prepares the metadata and then runs the four processes."""
        return Program(
            "airflow",
            (sys.executable, "-m", "local.airflow_processes", "--log-directory", str(self.log_dir)),
            self.log_dir / "airflow.log",
            env=self.environment(),
            cwd=Path(__file__).resolve().parents[1],
            stop_seconds=STOP_SECONDS,
        )
