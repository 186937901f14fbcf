"""`bin/demo`: brings up the whole system with a synthetic clinic, runs the import, and shows where to look."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from local.airflow_client import AirflowClient, AirflowClientError
from local.clinic import CLINICS, CONFIGURATION_OF_CLINIC, SEED_CLINIC
from local.follow import RunFollower
from local.nexus_database import REPOSITORY
from local.processes import StackError
from local.stack import Stack
from local.state import StateDirectory, claim_state_directory
from local.summary import count_rows, rows_table, steps_table

DAG_ID = "filemaker_import"
RUN_PARAMETERS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}
READY = "Ready. Press Ctrl-C to stop."
LOCAL_DIR = REPOSITORY / ".local"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
DAG_SECONDS = 120.0
FOLLOW_SECONDS = 0.7
PLAIN_WIDTH_COLUMNS = 110
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def clinic_parameters(clinic: str) -> dict[str, str]:
    """Return the parameters of the DAG that a kind of clinic needs beside `RUN_PARAMETERS`: its configuration."""
    configuration = CONFIGURATION_OF_CLINIC[clinic]
    return {"configuration": configuration} if configuration else {}


class Demo:
    """One demonstration: what it prints, and the exit code it ends with."""

    def __init__(self, console: Console, *, clinic: str, scale: float, seed: int, is_exiting: bool) -> None:
        self._console = console
        self._clinic = clinic
        self._scale = scale
        self._seed = seed
        self._is_exiting = is_exiting
        self._is_ready = False
        self._started = time.monotonic()

    def run(self, local_dir: Path) -> int:
        """Run it from the empty directory to the last line; returns the exit code."""
        try:
            with claim_state_directory(local_dir) as state:
                if state.env_file.parent == state.path:
                    self._say(f"Another demo runs here; this one's state is {_shown(state.path)}.")
                with self._stack(state) as stack:
                    return self._demonstrate(stack, state)
        except KeyboardInterrupt:
            self._say("Stopped.")
            return EXIT_OK if self._is_ready else EXIT_INTERRUPTED
        except (StackError, AirflowClientError, TimeoutError) as error:
            self._say(f"❌ {error}")
            return EXIT_FAILED

    def _stack(self, state: StateDirectory) -> Stack:
        return Stack(
            state.path,
            clinic=self._clinic,
            scale=self._scale,
            seed=self._seed,
            env_file=state.env_file,
            durable=True,
            report=lambda name, seconds: self._say(f"✅ {name} ({seconds:.1f} s)"),
        )

    def _demonstrate(self, stack: Stack, state: StateDirectory) -> int:
        client = stack.airflow
        with self._step(f"DAG {DAG_ID}"):
            client.wait_for_dag(DAG_ID, DAG_SECONDS)
        uri = stack.addresses.nexus_import_db_uri
        before = count_rows(uri)
        run_id = client.trigger(DAG_ID, RUN_PARAMETERS | clinic_parameters(self._clinic))
        client.unpause(DAG_ID)
        self._say(f"Import {run_id} started")
        follower = self._follow(client, run_id)
        self._console.print(rows_table(uri, run_id, before))
        if (steps := steps_table(uri, run_id)) is not None:
            self._console.print(steps)
        is_green = follower.state == "success"
        if not is_green:
            self._say(f"❌ {follower.last_line_of_outcome()}")
        self._show_addresses(stack, state, run_id)
        if self._is_exiting:
            return EXIT_OK if is_green else EXIT_FAILED
        self._is_ready = True
        self._say(READY)
        while True:
            signal.pause()

    def _follow(self, client: AirflowClient, run_id: str) -> RunFollower:
        follower = RunFollower(client, DAG_ID, run_id)
        with self._step("Import"):
            while not follower.is_ended:
                for line in follower.new_lines():
                    self._say(f"   {line}")
                time.sleep(FOLLOW_SECONDS)
        return follower

    def _show_addresses(self, stack: Stack, state: StateDirectory, run_id: str) -> None:
        places = stack.addresses
        self._say(f"Airflow   {places.airflow_url}/dags/{DAG_ID}/runs/{run_id}")
        self._say(f"          {places.airflow_user} / {places.airflow_password}")
        if places.airflow_viewer:
            self._say(f"          {places.airflow_viewer} / {places.airflow_viewer_password} (may only look)")
        self._say(f"Nexus     {places.nexus_import_db_uri}")
        self._say(f"FileMaker {places.filemaker_url}  {places.filemaker_user} / {places.filemaker_password}")
        self._say(f"S3        {places.s3_endpoint}  bucket {places.s3_bucket}")
        self._say(f"Mail      {_shown(Path(places.mail_dir))}")
        self._say(f"In a shell: source {_shown(state.env_file)}")
        self._say(f"Total {time.monotonic() - self._started:.0f} s")

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._say(f"✅ {name} ({time.monotonic() - started:.1f} s)")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _shown(path: Path) -> str:
    """Return the path as one would type it in the checkout."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


def _interrupt(*_: object) -> None:
    """End the demo as Ctrl-C does; a second signal does not disturb the clearing up."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    """Command line of the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__.split(": ", 1)[1])
    parser.add_argument(
        "--clinic", choices=CLINICS, default=SEED_CLINIC, help="seed (default), or reference: a real one's troubles"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the clinic, 1 is 2,842 patients")
    parser.add_argument("--seed", type=int, default=1, help="another number makes another clinic")
    parser.add_argument("--exit", action="store_true", help="end after the import; 0 when it was green, else 1")
    arguments = parser.parse_args()
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, width=PLAIN_WIDTH_COLUMNS)
    demo = Demo(
        console,
        clinic=arguments.clinic,
        scale=arguments.scale,
        seed=arguments.seed,
        is_exiting=arguments.exit,
    )
    return demo.run(LOCAL_DIR)


if __name__ == "__main__":
    sys.exit(main())
