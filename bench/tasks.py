"""Our import in a process of its own: the DAG's own tasks, one after the other, each timed, its memory watched.

Reads one line of JSON from standard input (`until` names the last task, null for all) and answers with lines of JSON:
`{"publish": true}` before the publish, which then waits for a line, and the result at the end. The connections are in
the environment.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

PARAMETERS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}
REPOSITORY = Path(__file__).resolve().parents[1]
PUBLISH = "publish.publish_plan"


def memory_mib(name: str) -> float:
    """Return a figure of this process's memory, VmRSS (now) or VmHWM (the most), in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this system does not tell {name}: the bench needs Linux")


def main() -> None:
    """Run the tasks and say how long each took."""
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ |= {
        "AIRFLOW_HOME": tempfile.mkdtemp(prefix="bench-airflow-"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    }
    # Airflow reads its settings when it is imported; this driver is what the tests hold against the scheduler
    from tests.support.runs import Run, load_dag

    def say(what: dict[str, Any]) -> None:
        print(json.dumps(what), file=answers, flush=True)

    @dataclass
    class TimedRun(Run):
        seconds: dict[str, float] = field(default_factory=dict)

        def _call(self, task: Any) -> Any:
            if task.task_id == PUBLISH:
                say({"publish": True})
                sys.stdin.readline()
            begun = perf_counter()
            try:
                return super()._call(task)
            finally:
                self.seconds[task.task_id] = perf_counter() - begun

    order = json.loads(sys.stdin.readline())
    # the application's answers are not needed: tasks take what they need from the connections
    run = TimedRun(installation=None, dag=load_dag(), params=dict(PARAMETERS), answer="Approve")  # type: ignore[arg-type]
    gc.collect()
    idle = memory_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    run.go(until=order["until"])
    errors = {name: str(error) for name, error in run.errors.items()}
    say({"seconds": run.seconds, "errors": errors, "idle_mib": idle, "peak_mib": memory_mib("VmHWM")})


if __name__ == "__main__":
    main()
