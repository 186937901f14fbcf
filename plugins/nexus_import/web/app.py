"""The report's pages as a FastAPI application: it only reads, and every route asks for the right to read the DAG."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

import psycopg
from airflow.exceptions import AirflowNotFoundException
from fastapi import Depends, FastAPI, Query, Request, Response

from nexus_import.core.finding_files import CSV_TYPE, WORKBOOK_TYPE, to_csv, to_workbook
from nexus_import.core.finding_lines import FIXED
from nexus_import.core.headline import Headline
from nexus_import.errors import NexusImportError
from nexus_import.nexus.database_errors import say
from nexus_import.nexus.findings import read_finding_lines
from nexus_import.nexus.report import list_runs
from nexus_import.nexus.report_pages import (
    FindingFilter,
    find_blocks,
    has_journal,
    list_refused,
    list_restores,
    page_of_findings,
    page_of_plan,
)
from nexus_import.web import words
from nexus_import.web.airflow_side import AirflowSide
from nexus_import.web.answers import file, html, links_of
from nexus_import.web.finding_counts import FindingCounts
from nexus_import.web.forms import chosen_filter, facets
from nexus_import.web.links import IMPORT_DAG, NO_CLINIC, Links
from nexus_import.web.live_report import look_at_run

log = logging.getLogger("nexus_import")

RUNS_PER_PAGE = 50
FINDINGS_PER_PAGE = 50
ROWS_PER_PAGE = 100
SHORT_LIST = 20
LAST_PAGE = 100_000
PageNumber = Annotated[int, Query(ge=1, le=LAST_PAGE)]
Chosen = Annotated[FindingFilter, Depends(chosen_filter)]
Dependency = Callable[..., Any]


def create_app(airflow: AirflowSide, guard: Dependency, who: Dependency) -> FastAPI:
    """Return the application.

    `guard` is a dependency that refuses whoever may not read the DAG of the path, or the import's where the path names
    none; `who` is one that returns who asks.
    """
    app = FastAPI(title="Nexus import", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)])
    pages = Pages(airflow)
    of_run = f"/dags/{IMPORT_DAG}/runs/{{run_id}}"
    app.get(f"{of_run}/findings")(pages.findings)
    app.get(f"{of_run}/findings.{{kind}}")(pages.download)
    app.get(f"{of_run}/plan/{{table}}/{{kind}}")(pages.plan)

    asking = Depends(who)

    @app.get("/")
    def runs(request: Request, page: PageNumber = 1, user: Any = asking) -> Response:
        return pages.runs(request, page, user)

    @app.get("/dags/{dag_id}/runs/{run_id}")
    def report(request: Request, dag_id: str, run_id: str, user: Any = asking) -> Response:
        return pages.report(request, dag_id, run_id, user)

    app.add_exception_handler(psycopg.Error, pages.on_database_error)
    app.add_exception_handler(AirflowNotFoundException, pages.on_missing_connection)
    app.add_exception_handler(NexusImportError, pages.on_missing_connection)
    return app


class Pages:
    """The routes; each opens the journal once, in one transaction that only reads."""

    def __init__(self, airflow: AirflowSide) -> None:
        self._airflow = airflow
        self._counts = FindingCounts()

    def runs(self, request: Request, page: int, user: Any) -> Response:
        """Show all runs, newest first, with restores, refused attempts and what people asked of the DAG below."""
        asked = self._airflow.audit(IMPORT_DAG, None, user) if page == 1 else None
        with self._airflow.open_journal() as connection:
            has_any = has_journal(connection)
            found = list_runs(connection, RUNS_PER_PAGE + 1, (page - 1) * RUNS_PER_PAGE) if has_any else []
            is_first = has_any and page == 1
            return html(
                "runs.html",
                self._links(request),
                runs=found[:RUNS_PER_PAGE],
                restores=list_restores(connection, SHORT_LIST) if is_first else [],
                refused=list_refused(connection, SHORT_LIST) if is_first else [],
                asked=(asked or [])[:SHORT_LIST],
                page=page,
                has_more=len(found) > RUNS_PER_PAGE,
            )

    def report(self, request: Request, dag_id: str, run_id: str, user: Any) -> Response:
        """Show one run; of another DAG's run only that it is none of the import."""
        if dag_id != IMPORT_DAG:
            return self._message(request, words.other_dag(dag_id))
        now = self._airflow.find_run(dag_id, run_id)
        with self._airflow.open_journal() as connection:
            if has_journal(connection):
                seen = look_at_run(connection, run_id, now, self._counts, self._airflow.support_contact())
            else:
                seen = words.NO_JOURNAL if now else words.UNKNOWN_RUN
        if isinstance(seen, Headline):
            status = 404 if seen is words.UNKNOWN_RUN else 200
            is_live = now is not None and now.is_live
            return self._message(request, seen, run_id if now else "", status=status, is_live=is_live)
        audit = self._airflow.audit(dag_id, run_id, user)
        return html(
            "run.html",
            self._links(request, run_id),
            report=seen.with_audit(audit),
            is_live=seen.is_live,
            sees_audit=audit is not None,
            sample={},
        )

    def findings(self, request: Request, run_id: str, chosen: Chosen, page: PageNumber = 1) -> Response:
        """Show one page of the run's findings."""
        with self._airflow.open_journal() as connection:
            if not has_journal(connection):
                return self._message(request, words.NO_JOURNAL, run_id)
            groups = self._counts.of_run(connection, run_id)
            total = sum(group.finding_count for group in groups if chosen.takes(group))
            pages = max(-(-total // FINDINGS_PER_PAGE), 1)
            page = min(page, pages)
            skip = (page - 1) * FINDINGS_PER_PAGE
            blocks = find_blocks(groups, chosen, FINDINGS_PER_PAGE, skip)
            lines = page_of_findings(connection, run_id, chosen, blocks, FINDINGS_PER_PAGE) if total else []
        return html(
            "findings.html",
            self._links(request, run_id),
            facets=facets(groups),
            chosen=chosen,
            clinic_value=NO_CLINIC if chosen.clinic == "" else chosen.clinic,
            lines=lines,
            any_findings=bool(groups),
            total=total,
            first=skip + 1,
            last=skip + len(lines),
            page=page,
            pages=pages,
        )

    def download(self, run_id: str, kind: Literal["csv", "xlsx"], chosen: Chosen) -> Response:
        """Return the findings that the form shows, all pages of them, as one file."""
        with self._airflow.open_journal() as connection:
            found = read_finding_lines(connection, run_id) if has_journal(connection) else []
        lines = [line for line in found if chosen.takes(line)]
        if kind == "xlsx":
            return file(to_workbook(lines), WORKBOOK_TYPE, "findings.xlsx")
        # a table without a column that says so must not hold what is already mended
        present = lines if chosen.status else [line for line in lines if line.status != FIXED]
        return file(to_csv(present, with_check=True), CSV_TYPE, "findings.csv")

    def plan(
        self,
        request: Request,
        run_id: str,
        table: str,
        kind: Literal["add", "change", "remove", "fate"],
        column: Annotated[str | None, Query(max_length=63)] = None,
        page: PageNumber = 1,
    ) -> Response:
        """Show one page of the ids that the plan touches in a table."""
        skip = (page - 1) * ROWS_PER_PAGE
        with self._airflow.open_journal() as connection:
            if not has_journal(connection):
                return self._message(request, words.NO_JOURNAL, run_id)
            rows = page_of_plan(connection, run_id, table, kind, column, ROWS_PER_PAGE + 1, skip)
        return html(
            "plan_rows.html",
            self._links(request, run_id),
            table=table,
            kind=kind,
            column=column,
            rows=rows[:ROWS_PER_PAGE],
            page=page,
            has_more=len(rows) > ROWS_PER_PAGE,
        )

    def on_database_error(self, request: Request, error: Exception) -> Response:
        """Say that Nexus does not answer; PostgreSQL's own text may quote values and is not shown."""
        said = say(error) if isinstance(error, psycopg.Error) else ""
        log.warning("The import report could not be read. %s", said)
        return self._message(request, words.database_away(said), status=503)

    def on_missing_connection(self, request: Request, error: Exception) -> Response:
        """Say what is not set up."""
        log.warning("The import report could not be read. %s", error)
        return self._message(request, words.not_set_up(str(error)), status=503)

    def _message(
        self, request: Request, headline: Headline, run_id: str = "", status: int = 200, *, is_live: bool = False
    ) -> Response:
        return html("message.html", self._links(request, run_id), status, headline=headline, is_live=is_live)

    def _links(self, request: Request, run_id: str = "") -> Links:
        return links_of(request, self._airflow.base_path(), run_id)
