"""The report of a run as plain data and as one self-contained page; the words are the requirement's own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from nexus_import.core.balance import EntityBalance
from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.plan_summary import FATE, WHY, PlanSummary
from nexus_import.core.progress import elapsed
from nexus_import.core.relaxation import Relaxation


@dataclass(frozen=True)
class StepLine:
    """One step as the timeline shows it."""

    name: str
    task_id: str
    finished_at: datetime
    seconds: float
    is_passed: bool
    record_count: int
    error_count: int


@dataclass(frozen=True)
class CheckLine:
    """One check as the list shows it; `compared` is what became of the last run's findings."""

    check_id: str
    title: str
    severity: str
    finding_count: int
    is_passed: bool
    sentence: str
    compared: FindingCounts = field(default_factory=FindingCounts)


@dataclass(frozen=True)
class Report:
    """A run as people look at it: ids and counts only.

    `findings` counts those of all checks; `relaxations` are what the policy let pass; `balances` what became of every
    record, once phase 8 has asked.
    """

    run_id: str
    headline: str
    is_green: bool
    started_at: datetime
    written_at: datetime
    triggered_by: str
    parameters: dict[str, Any]
    steps: list[StepLine] = field(default_factory=list)
    checks: list[CheckLine] = field(default_factory=list)
    plan: PlanSummary = field(default_factory=PlanSummary)
    backups: list[dict[str, Any]] = field(default_factory=list)
    findings: FindingCounts = field(default_factory=FindingCounts)
    relaxations: list[Relaxation] = field(default_factory=list)
    balances: list[EntityBalance] = field(default_factory=list)

    @property
    def total_time(self) -> str:
        """The time from the run's start to the report."""
        return elapsed((self.written_at - self.started_at).total_seconds())


def render(report: Report) -> str:
    """Return the report as one HTML page without anything from elsewhere; every value is escaped."""
    environment = Environment(loader=PackageLoader("nexus_import", "web/templates"), autoescape=select_autoescape())
    environment.filters["elapsed"] = elapsed
    return environment.get_template("report.html").render(report=report, why=WHY, fate=FATE)
