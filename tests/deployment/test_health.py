"""The containers' health checks say no when the component is not well."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy.health import find_fault, main
from local.network import LOOPBACK

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
WELL: dict[str, dict[str, str | None]] = {name: {"status": "healthy"} for name in PARTS}


class Airflow:
    """What an API server and a scheduler would answer."""

    health: dict[str, dict[str, str | None]] = WELL
    status = 200


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    answers = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.status)
            self.end_headers()
            if self.path == "/api/v2/monitor/health":
                self.wfile.write(json.dumps(answers.health).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        base = f"http://{LOOPBACK}:{server.server_port}"
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{base}/execution/")
        monkeypatch.setenv("AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT", str(server.server_port))
        yield answers
        server.shutdown()


@pytest.mark.parametrize("component", ["api-server", "scheduler", "dag-processor", "triggerer"])
def test_what_is_well_has_no_fault(airflow: Airflow, component: str) -> None:
    assert find_fault(component) is None


@pytest.mark.parametrize(
    ("component", "part"),
    [("api-server", "metadatabase"), ("dag-processor", "dag_processor"), ("triggerer", "triggerer")],
)
@pytest.mark.parametrize("status", ["unhealthy", None])
def test_each_has_its_own_part(airflow: Airflow, component: str, part: str, status: str | None) -> None:
    airflow.health = WELL | {part: {"status": status}}
    assert find_fault(component) == f"{part} is {status}"


def test_a_scheduler_without_a_heartbeat_answers_with_an_error(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.status = 503
    monkeypatch.setattr("sys.argv", ["deploy.health", "scheduler"])
    assert main() == 1
    assert "503" in capsys.readouterr().err


def test_an_unknown_component_is_no_health_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["deploy.health", "webserver"])
    assert main() == 2
