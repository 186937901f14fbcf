"""Addresses: of the report's own pages, and of what they point to in Airflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from nexus_import.nexus.report_pages import FindingFilter

IMPORT_DAG = "filemaker_import"
RESTORE_DAG = "restore_backup"
APPROVAL_TASK = "publish.approve_plan"


def _query(values: dict[str, object]) -> str:
    kept = {name: value for name, value in values.items() if value not in (None, "", 1)}
    return f"?{urlencode(kept)}" if kept else ""


@dataclass(frozen=True)
class Links:
    """`own` is the path under which these pages are served, `airflow` that of the UI; neither ends with a slash."""

    own: str
    airflow: str
    run_id: str = ""

    def of_run(self, run_id: str) -> Links:
        """Return the links of a run."""
        return replace(self, run_id=run_id)

    def runs(self, page: int = 1) -> str:
        """Return the list of runs."""
        return f"{self.own}/{_query({'page': page})}"

    def other(self, run_id: str) -> str:
        """Return the report of a run."""
        return f"{self.own}/dags/{IMPORT_DAG}/runs/{quote(run_id, safe='')}"

    def report(self) -> str:
        """Return the report of this run."""
        return self.other(self.run_id)

    def findings_path(self) -> str:
        """Return the findings of this run, without a filter."""
        return f"{self.report()}/findings"

    def findings(self, check: str = "") -> str:
        """Return the findings of this run, of one check if it is given."""
        return self.findings_path() + _query({"check": check})

    def findings_page(self, wanted: FindingFilter, page: int) -> str:
        """Return a page of filtered findings."""
        return self.findings_path() + _query(_named(wanted) | {"page": page})

    def download(self, kind: str, wanted: FindingFilter | None = None) -> str:
        """Return the findings as a file: csv or xlsx."""
        return f"{self.report()}/findings.{kind}{_query(_named(wanted or FindingFilter()))}"

    def plan(self, table: str, kind: str, column: str | None = None, page: int = 1) -> str:
        """Return the plan's rows of a table."""
        return f"{self.report()}/plan/{quote(table, safe='')}/{kind}{_query({'column': column, 'page': page})}"

    def dag(self) -> str:
        """Return the DAG in Airflow."""
        return f"{self.airflow}/dags/{IMPORT_DAG}"

    def graph(self) -> str:
        """Return the run in Airflow."""
        return f"{self.dag()}/runs/{quote(self.run_id, safe='')}"

    def task(self, task_id: str) -> str:
        """Return a task's log."""
        return f"{self.graph()}/tasks/{quote(task_id, safe='')}"

    def answer(self) -> str:
        """Return where the plan is approved or rejected."""
        return f"{self.task(APPROVAL_TASK)}/required_actions"

    def restore(self) -> str:
        """Return the DAG that restores a backup."""
        return f"{self.airflow}/dags/{RESTORE_DAG}"

    def restore_run(self, run_id: str) -> str:
        """Return a restore in Airflow."""
        return f"{self.restore()}/runs/{quote(run_id, safe='')}"


def _named(wanted: FindingFilter) -> dict[str, object]:
    return {
        "check": wanted.check_id,
        "severity": wanted.severity,
        "clinic": clinic_value(wanted.clinic),
        "status": wanted.status,
        "sort": None if wanted.sort == "check" else wanted.sort,
    }


NO_CLINIC = "(none)"


def clinic_value(clinic: str | None) -> str | None:
    """Return how a form says a clinic: that of no clinic has a word, for an empty one means all."""
    return NO_CLINIC if clinic == "" else clinic
