"""Airflow's processes, forked from one that has imported Airflow already.

Airflow's own commands import the same modules five times, once for the migration and once for each process,
and on a small machine that is most of the time until Airflow answers. Here they are imported once; each
process is a fork that runs the ordinary `airflow` command, and one that ends is forked again. Tasks are forks
of forks, so what they import is imported here as well: it is a second or two of each task.

`python -m local.airflow_processes --log-directory DIR` takes everything else from Airflow's own environment
variables and runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from local.network import LOOPBACK
from local.processes import Program, RunningProgram, StackError
from local.supervisor import Supervisor

MIGRATE_SECONDS = 180.0
STOP_SECONDS = 10.0
# it waits ten seconds for triggers to end, of which there are none
TRIGGERER_STOP_SECONDS = 2.0

SHARED_MODULES = (
    "airflow.__main__",
    "airflow.utils.db",
    "airflow.cli.commands.db_command",
    "airflow.cli.commands.scheduler_command",
    "airflow.cli.commands.dag_processor_command",
    "airflow.cli.commands.triggerer_command",
    "airflow.cli.commands.api_server_command",
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
)
TASK_MODULES = (
    "PIL.Image",
    "airflow.providers.standard.decorators.branch_python",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.decorators.short_circuit",
    "airflow.sdk.definitions.decorators.setup_teardown",
    "airflow.sdk.definitions.decorators.task_group",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.smtp.hooks.smtp",
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.operators.python",
    "boto3",
    "pandas",
    "psycopg",
    "pydantic",
    "tenacity",
    "yaml",
    "zstandard",
)
LOG_SERVER = "log-server"
LOG_SERVER_APPLICATION = "airflow.utils.serve_logs.log_server:get_app"
API_SERVER_MODULES = (
    "airflow.api_fastapi.core_api.routes.public",
    "airflow.api_fastapi.core_api.routes.ui",
    "airflow.api_fastapi.execution_api.routes",
)


class ForkedProgram(RunningProgram):
    """A start of `airflow COMMAND` as a fork; the first part of its program's command is left out."""

    def _start(self) -> int:
        self._status: int | None = None
        process_id = os.fork()
        if process_id == 0:
            _become(self.program)
        return process_id

    @property
    def exit_code(self) -> int | None:
        """Exit code of the fork, None while it runs, negative when a signal ended it."""
        if self._status is None:
            process_id, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if process_id else None
        return self._status

    def _release(self) -> None:
        """Nobody else guards it: it belongs to the session of this process."""


def _become(program: Program) -> NoReturn:
    """Turn this fork into the program and end with its exit code; nothing of the parent runs in it again."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        log = os.open(program.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        random.seed()
        sys.argv = ["airflow", *program.command]
        if program.command[0] == LOG_SERVER:
            _serve_logs()
        else:
            importlib.import_module("airflow.__main__").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)


def _make_s3_client() -> None:
    """Make one S3 client, unused: the first one of a process compiles and imports for a third of a second."""
    boto3 = importlib.import_module("boto3")
    boto3.session.Session("none", "none", region_name="us-east-1").client("s3")


def _serve_logs() -> None:
    """Serve the logs of running tasks to the API server, on loopback."""
    configuration = importlib.import_module("airflow.configuration").conf
    port = configuration.getint("logging", "worker_log_server_port")
    uvicorn = importlib.import_module("uvicorn")
    uvicorn.run(LOG_SERVER_APPLICATION, factory=True, host=LOOPBACK, port=port, access_log=False)


def _programs(log_dir: Path) -> list[Program]:
    """Return the four processes, the one that takes longest to start first, and the log server.

    Scheduler and triggerer would start log servers that listen on every interface; ours listens on loopback.
    """
    commands: dict[tuple[str, ...], float] = {
        ("api-server",): STOP_SECONDS,
        ("dag-processor",): STOP_SECONDS,
        ("scheduler", "--skip-serve-logs"): STOP_SECONDS,
        ("triggerer", "--skip-serve-logs"): TRIGGERER_STOP_SECONDS,
        (LOG_SERVER,): STOP_SECONDS,
    }
    return [
        Program(command[0], command, log_dir / f"{command[0]}.log", stop_seconds=seconds)
        for command, seconds in commands.items()
    ]


def main() -> int:
    """Migrate, run the four processes until a stop signal, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.airflow_processes")
    parser.add_argument("--log-directory", type=Path, required=True, help="one log file per process goes here")
    log_dir: Path = parser.parse_args().log_directory
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with Supervisor(ForkedProgram, background=False) as supervisor:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stopping.set())
        _import(SHARED_MODULES)
        importlib.import_module("airflow.utils.db").import_all_models()
        migration = ForkedProgram(Program("db-migrate", ("db", "migrate"), log_dir / "db-migrate.log"))
        _import(API_SERVER_MODULES + TASK_MODULES)
        _make_s3_client()
        # what is imported by now stays shared memory of all forks
        gc.freeze()
        try:
            migration.wait_until(lambda: migration.exit_code == 0, MIGRATE_SECONDS)
        except StackError:
            logging.getLogger(__name__).exception("the metadata database could not be prepared")
            return 1
        finally:
            migration.kill()
        for program in _programs(log_dir):
            supervisor.start(program)
        supervisor.watch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
