"""How fast the import report answers: `python -m bench.report_page [--runs N] [--findings N]`.

Starts a PostgreSQL of its own, fills a journal (the two newest runs with all the findings, nearly the same ones, so
that the comparison has its work), and asks each page as the API server would: a connection, a transaction, the
statements, the template. A row is one page: the first time it is asked for, the median and the 95th percentile of those
after, and what an answer takes of a processor, here and in PostgreSQL, which a busy machine does not make longer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

RUNS, FINDINGS, PLAN_ROWS, REPETITIONS = 200, 50_000, 6_000, 20
PAGES = {
    "all runs": None,
    "report": "",
    "findings": "/findings",
    "findings, new": "/findings?status=new",
    "findings, last page": "/findings?page=1000",
    "plan": "/plan/patients/change",
    "findings.csv": "/findings.csv",
}


@dataclass(frozen=True)
class Timing:
    """One page: its status and size in bytes, the first answer and those after it in milliseconds."""

    name: str
    status: int
    byte_count: int
    first: float
    cpu: float
    later: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the page's row of the table."""
        p95 = statistics.quantiles(self.later, n=20)[-1]
        return (
            f"{self.name:<22}{self.byte_count:>10,}{self.first:>9.0f}{statistics.median(self.later):>9.0f}{p95:>9.0f}"
            f"{self.cpu:>9.0f}"
        )


def measure(client: Any, name: str, path: str, repetitions: int, server_pid: int) -> Timing:
    """Ask for a page over and over."""
    started = perf_counter()
    answer = client.get(path)
    first, times = 1000 * (perf_counter() - started), []
    before = process_time() + seconds_of_children(server_pid)
    for _ in range(repetitions):
        started = perf_counter()
        answer = client.get(path)
        times.append(1000 * (perf_counter() - started))
    cpu = 1000 * (process_time() + seconds_of_children(server_pid) - before) / repetitions
    return Timing(name, answer.status_code, len(answer.content), first, cpu, times)


def seconds_of_children(pid: int) -> float:
    """Return the processor's time that a process's ended children took: PostgreSQL has one for each connection."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Fill a journal, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--findings", type=int, default=FINDINGS)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nexus-report-bench-") as folder:
        # Airflow reads its settings when it is imported
        os.environ["AIRFLOW_HOME"] = folder
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    from nexus_import.nexus.journal import create_journal

    from bench.journal_filler import fill, run_name
    from local.nexus_database import IMPORT_ROLE, NexusDatabase
    from local.postgres import PostgresCluster
    from tests.web.pages import ENDED, ScriptedAirflow, address, open_pages

    with PostgresCluster(folder / "postgres") as cluster:
        nexus = NexusDatabase(cluster)
        nexus.create()
        nexus.grant()
        os.environ["AIRFLOW_CONN_NEXUS_DB"] = nexus.uri(IMPORT_ROLE)
        import psycopg

        with psycopg.connect(nexus.uri(IMPORT_ROLE)) as connection:
            create_journal(connection)
            fill(connection, options.runs, options.findings, PLAN_ROWS)
        newest = run_name(0)
        client = open_pages(ScriptedAirflow(runs={newest: ENDED}))
        print(f"{options.runs:,} runs, {options.findings:,} findings in each of the newest two; milliseconds")
        print(f"{'page':<22}{'bytes':>10}{'first':>9}{'median':>9}{'p95':>9}{'cpu':>9}")
        for name, page in PAGES.items():
            path = "/" if page is None else address(newest, page)
            timing = measure(client, name, path, options.repetitions, cluster.pid)
            print(timing.row() if timing.status == 200 else f"{name}: {timing.status}")


if __name__ == "__main__":
    main()
