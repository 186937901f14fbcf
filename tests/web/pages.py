"""The report's pages over a real journal, with an Airflow that says what a test wants."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from nexus_import.core.report import AttemptLine
from nexus_import.web.airflow_side import RunNow, ThisAirflow
from nexus_import.web.app import create_app
from nexus_import.web.links import IMPORT_DAG

ENDED = RunNow("success")


@dataclass
class ScriptedAirflow(ThisAirflow):
    """Opens the journal as the API server does; runs, tasks, rights and the audit log are the test's."""

    runs: dict[str, RunNow] = field(default_factory=dict)
    lines: list[AttemptLine] | None = None
    readers: dict[str, set[str]] = field(default_factory=lambda: {"viewer": {IMPORT_DAG, "restore_backup"}})

    def find_run(self, dag_id: str, run_id: str) -> RunNow | None:
        return self.runs.get(run_id)

    def audit(self, dag_id: str, run_id: str | None, user: Any) -> list[AttemptLine] | None:
        return self.lines

    def guard(self, request: Request) -> None:
        """Refuse as Airflow does: 401 for nobody, 403 for somebody without the right on this DAG."""
        name = self.who(request)
        if name not in self.readers:
            raise HTTPException(401)
        if request.path_params.get("dag_id", IMPORT_DAG) not in self.readers[name]:
            raise HTTPException(403)

    @staticmethod
    def who(request: Request) -> str:
        return request.headers.get("x-user", "")


def open_pages(airflow: ScriptedAirflow, user: str = "viewer") -> TestClient:
    """Return a client of the pages, as somebody."""
    app = create_app(airflow, airflow.guard, airflow.who)
    return TestClient(app, headers={"x-user": user}, raise_server_exceptions=False)


def address(run_id: str, page: str = "") -> str:
    """Return the path of a page of a run."""
    return f"/dags/{IMPORT_DAG}/runs/{quote(run_id, safe='')}{page}"


def text_of(page: str) -> str:
    """Return what a person reads."""
    body = re.sub(r"<(style|script|svg)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r" (?=[,:.])", "", re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body))))
