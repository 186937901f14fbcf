"""What the bench measures on: a clinic, PostgreSQL, an S3 server and FileMaker, and the processes that are measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.checking import read_layout
from local.nexus_database import NexusDatabase
from tests.support.installation import Installation, Parts, start_installation

REPOSITORY = Path(__file__).resolve().parents[1]
BASELINES_PYTHON = REPOSITORY / ".local" / "bench" / "venv" / "bin" / "python"
# The algorithm finds a file's patient in the file's own metadata, which most files of the clinic do not have: it gets
# there what FileMaker says, or the link that the file has.
FILL_METADATA = (
    "UPDATE documents_document SET filemaker_metadata = COALESCE(filemaker_metadata, '{}')"
    " || jsonb_build_object('filemaker_patient_id', known.patient_id)"
    " FROM bench_document AS known WHERE known.id = documents_document.filemaker_id",
    "UPDATE images_batch SET metadata = COALESCE(metadata, '{}') || jsonb_build_object('filemaker_patient_id',"
    " patients.filemaker_metadata -> 'filemaker_id') FROM patients WHERE patients.id = object_id",
    "UPDATE documents_document SET filemaker_metadata = COALESCE(documents_document.filemaker_metadata, '{}')"
    " || jsonb_build_object('filemaker_patient_id', patients.filemaker_metadata -> 'filemaker_id') FROM patients"
    " WHERE patients.id = object_id AND NOT COALESCE(documents_document.filemaker_metadata, '{}')"
    " ? 'filemaker_patient_id'",
    "ANALYZE",
)


@dataclass(frozen=True)
class Measured:
    """Seconds by step; MiB of memory before and at its peak, where they are watched."""

    seconds: dict[str, float]
    idle_mib: float = 0.0
    peak_mib: float = 0.0


class BenchError(RuntimeError):
    """A measured process did not do its work."""


@contextmanager
def fresh_nexus(parts: Parts) -> Iterator[Installation]:
    """Yield a Nexus with the clinic as it was before any run."""
    with start_installation(parts) as installation:
        yield installation


def run_ours(
    installation: Installation, log: Path, *, until: str | None = None, on_publish: Callable[[], None] = lambda: None
) -> Measured:
    """Run our import in a process of its own; `on_publish` is called when the publish is about to begin."""
    with log.open("ab") as errors, _process([sys.executable, "-m", "bench.tasks"], errors, installation) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        _tell(process, {"until": until})
        for line in process.stdout:
            answer = json.loads(line)
            if "publish" not in answer:
                break
            on_publish()
            _tell(process, {})
        else:
            raise BenchError(f"Our import ended without an answer. Its log: {log}")
    if answer["errors"]:
        raise BenchError(f"Our import failed: {answer['errors']}")
    return Measured(answer["seconds"], answer["idle_mib"], answer["peak_mib"])


def run_seed(installation: Installation, log: Path, sample: int | None) -> Measured:
    """Run the requirement's algorithm in the bench's own venv."""
    if not BASELINES_PYTHON.exists():
        raise BenchError("The baselines are not installed. Start the bench by bin/bench, which installs them.")
    fill_metadata(installation)
    order = {"uri": installation.database.uri(), "clinic": str(installation.parts.clinic), "sample": sample}
    with log.open("ab") as errors:
        done = subprocess.run(
            [str(BASELINES_PYTHON), "-m", "bench.seed_algorithm"],
            input=json.dumps(order) + "\n",
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
    if done.returncode:
        raise BenchError(f"The requirement's algorithm ended with code {done.returncode}. Its log: {log}")
    return Measured(json.loads(done.stdout)["seconds"])


def fill_metadata(installation: Installation) -> None:
    """Give documents and batches the metadata that the requirement's algorithm relies on."""
    with installation.owner() as connection:
        connection.execute("CREATE TEMPORARY TABLE bench_document (id uuid PRIMARY KEY, patient_id text NOT NULL)")
        with connection.cursor() as cursor, cursor.copy("COPY bench_document FROM STDIN") as copy:
            for fields in read_layout(installation.parts.clinic, "API_Docs"):
                copy.write_row((fields["id"], fields["patient_id"]))
        for statement in FILL_METADATA:
            connection.execute(statement.encode())


def make_empty_nexus(parts: Parts, name: str) -> NexusDatabase:
    """Return a Nexus with its tables and no rows, in the same cluster."""
    database = NexusDatabase(parts.cluster, name, parts.template.passwords)
    database.create()
    return database


def describe_machine(parts: Parts) -> dict[str, Any]:
    """Return what the figures depend on."""
    with psycopg.connect(parts.cluster.uri()) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "postgresql": version[0] if version else "",
        "fsync": fsync[0] if fsync else "",
        "load_average_1_min": round(os.getloadavg()[0], 1),
    }


@contextmanager
def _process(command: list[str], errors: Any, installation: Installation) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | installation.environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=REPOSITORY,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.kill()


def _tell(process: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()
