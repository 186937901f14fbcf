"""The report of a run as plain data and as one self-contained page; the words are the requirement's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nexus_import.core.balance import EntityBalance
from nexus_import.core.charts import RunLine, flows, phase_bars, trend
from nexus_import.core.finding_lines import FindingCounts, FindingLine
from nexus_import.core.headline import Headline
from nexus_import.core.plan_summary import FATE, WHY, PlanSummary
from nexus_import.core.progress import elapsed
from nexus_import.core.relaxation import Relaxation
from nexus_import.core.report_phases import PhaseLine, phase_of

SAMPLE_FINDINGS = 20
"""Findings of each check that the file shows; the workbook beside it holds them all."""


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

    @property
    def mark(self) -> str:
        """The check's state as a word: ok, note (found something that the policy lets pass) or failed."""
        if not self.is_passed:
            return "failed"
        return "note" if self.finding_count else "ok"


@dataclass(frozen=True)
class BackupLine:
    """A backup of the run: where its manifest is, and how much it holds."""

    manifest_key: str
    manifest_sha256: str
    taken_at: datetime
    table_count: int
    row_count: int
    byte_count: int


@dataclass(frozen=True)
class AttemptLine:
    """Something that somebody did or tried: when, who (None is the schedule), what, and what came of it."""

    at: datetime
    who: str | None
    what: str
    outcome: str
    is_refused: bool = False


@dataclass(frozen=True)
class Report:
    """A run as people look at it: ids and counts only.

    `findings` counts those of all checks; `relaxations` are what the policy let pass; `balances` what became of every
    record, once phase 8 has asked; `runs` this run and those before it, oldest first; `unusual` why the plan needs a
    person's yes.
    """

    run_id: str
    headline: Headline
    is_green: bool
    started_at: datetime
    written_at: datetime
    triggered_by: str
    parameters: dict[str, Any]
    phases: list[PhaseLine] = field(default_factory=list)
    checks: list[CheckLine] = field(default_factory=list)
    plan: PlanSummary = field(default_factory=PlanSummary)
    unusual: list[str] = field(default_factory=list)
    is_published: bool = False
    backups: list[BackupLine] = field(default_factory=list)
    findings: FindingCounts = field(default_factory=FindingCounts)
    relaxations: list[Relaxation] = field(default_factory=list)
    balances: list[EntityBalance] = field(default_factory=list)
    runs: list[RunLine] = field(default_factory=list)
    attempts: list[AttemptLine] = field(default_factory=list)

    @property
    def total_time(self) -> str:
        """The time from the run's start to the report."""
        return elapsed((self.written_at - self.started_at).total_seconds())

    @property
    def work_seconds(self) -> float:
        """The time that the phases took, without waiting between them."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def check_groups(self) -> list[tuple[str, list[CheckLine]]]:
        """The checks by phase, in the words of the requirement."""
        groups: dict[str, list[CheckLine]] = {}
        for check in self.checks:
            groups.setdefault(phase_of(check.check_id), []).append(check)
        return list(groups.items())


def sample_of(lines: Iterable[FindingLine]) -> dict[str, list[FindingLine]]:
    """Return the first findings of each check, by check."""
    sample: dict[str, list[FindingLine]] = {}
    for line in lines:
        found = sample.setdefault(line.check_id, [])
        if line.status != "fixed" and len(found) < SAMPLE_FINDINGS:
            found.append(line)
    return {check_id: found for check_id, found in sample.items() if found}


def byte_size(count: int) -> str:
    """Return a size as people say it: `3.4 MB`."""
    size, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while size >= 1000 and unit != "GB":
        size, unit = size / 1000, next(units)
    return f"{count} B" if unit == "B" else f"{size:,.1f} {unit}"


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("nexus_import", "web/templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"elapsed": elapsed, "bytes": byte_size, "count": lambda number: f"{number:,}"}
    made.filters["moment"] = lambda at: at.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    made.globals |= {"WHY": WHY, "FATE": FATE, "flows": flows, "phase_bars": phase_bars, "trend": trend}
    return made


def render(report: Report, sample: dict[str, list[FindingLine]] | None = None) -> str:
    """Return the report as one HTML page without anything from elsewhere; every value is escaped.

    `sample` are findings to show, by check.
    """
    template = environment().get_template("report.html")
    return template.render(report=report, sample=sample or {}, links=None, nonce="", sees_audit=True)
