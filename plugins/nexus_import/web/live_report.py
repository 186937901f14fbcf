"""One run as it stands now: the journal's facts, and of Airflow which tasks are at work, wait or failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from nexus_import.core.headline import NOT_STARTED, Headline, headline_of_verdict
from nexus_import.core.report import AttemptLine, Report
from nexus_import.core.verdict import Verdict, judge
from nexus_import.nexus.journal import RunRecord, read_run
from nexus_import.nexus.report import read_attempts, read_facts, read_report
from nexus_import.nexus.report_pages import counts_by_check
from nexus_import.web.airflow_side import RunNow
from nexus_import.web.finding_counts import FindingCounts
from nexus_import.web.words import UNKNOWN_RUN

GREEN = {"published", "rehearsed", "skipped"}


@dataclass(frozen=True)
class LiveReport:
    """A report, and whether it will be another one in a moment."""

    report: Report
    is_live: bool

    def with_audit(self, audit: list[AttemptLine] | None) -> Report:
        """Return the report with what Airflow's audit log knows of people, None where that may not be seen."""
        lines = [*self.report.attempts, *(audit or [])]
        return replace(self.report, attempts=sorted(lines, key=lambda line: line.at))


def look_at_run(
    connection: Connection[Any], run_id: str, now: RunNow | None, counts: FindingCounts, support: str
) -> LiveReport | Headline:
    """Return the run's report, or in words why it has none."""
    run = read_run(connection, run_id)
    if run is None:
        return _without_journal(connection, run_id, now, support)
    is_live = now is not None and now.is_live
    verdict = None if is_live else _verdict(connection, run, now)
    compared = counts_by_check(counts.of_run(connection, run_id))
    report = read_report(connection, run_id, verdict, compared, now.tasks if now else (), support)
    return LiveReport(report, is_live) if report else UNKNOWN_RUN


def _verdict(connection: Connection[Any], run: RunRecord, now: RunNow | None) -> Verdict:
    """Return how the run ended; of a run that Airflow has forgotten, what was said then."""
    if now is None and run.verdict:
        return Verdict(run.state, run.verdict, run.state in GREEN)
    mode = str(run.parameters.get("mode", "rehearse"))
    return judge(read_facts(connection, run.run_id, mode, now.failed_tasks if now else []))


def _without_journal(connection: Connection[Any], run_id: str, now: RunNow | None, support: str) -> Headline:
    if now is not None and now.is_live:
        return NOT_STARTED
    if now is None and not read_attempts(connection, run_id):
        return UNKNOWN_RUN
    return headline_of_verdict(judge(read_facts(connection, run_id, "", now.failed_tasks if now else [])), (), support)
