"""The health checks of the containers: `python -m deploy.health COMPONENT` ends with 0 when it is well.

`airflow jobs check` and `celery inspect` answer the same, but import all of Airflow for it, several seconds of a
processor's time every half minute for each container.
"""

from __future__ import annotations

import os
import socket
import sys

import requests

TIMEOUT_SECONDS = 10
IN_AIRFLOW = {"dag-processor": "dag_processor", "triggerer": "triggerer"}
"""Processes that no port answers for: the API server knows when each was last heard of."""
COMPONENTS = ("api-server", "scheduler", *IN_AIRFLOW, "worker")


def find_fault(component: str) -> str | None:
    """Return what is wrong with a component of this host, None when it is well."""
    if component == "worker":
        return _find_silent_worker()
    if component == "scheduler":
        # it says with its status alone whether its heartbeat is young enough
        port = os.environ["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT"]
        _get(f"http://127.0.0.1:{port}/health")
        return None
    base = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    health: dict[str, dict[str, str | None]] = _get(f"{base}/api/v2/monitor/health").json()
    # the API server is well when it can say how its database is
    part = IN_AIRFLOW.get(component, "metadatabase")
    status = (health.get(part) or {}).get("status")
    return None if status == "healthy" else f"{part} is {status}"


def _get(url: str) -> requests.Response:
    answer = requests.get(url, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer


def _find_silent_worker() -> str | None:
    from celery import Celery

    # the name that Celery makes of the %h in the worker's command
    name = f"worker@{socket.gethostname()}"
    queue = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    answers = queue.control.ping(destination=[name], timeout=TIMEOUT_SECONDS / 2, limit=1)
    return None if answers else f"{name} does not answer"


def main() -> int:
    """Check the component that the command line names; returns the exit code."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMPONENTS:
        sys.stderr.write(f"usage: python -m deploy.health {{{','.join(COMPONENTS)}}}\n")
        return 2
    try:
        fault = find_fault(sys.argv[1])
    except OSError as error:
        fault = str(error)
    if fault:
        sys.stderr.write(f"{fault}\n")
    return int(fault is not None)


if __name__ == "__main__":
    sys.exit(main())
