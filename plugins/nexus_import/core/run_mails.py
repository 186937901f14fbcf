"""The mails of an import: when it starts, waits for a person, and ends. Pure; counts and ids go in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.mails import Mail, Table
from nexus_import.core.plan_summary import PlanSummary
from nexus_import.core.progress import elapsed
from nexus_import.core.verdict import Verdict

PLAN_HEAD = ("", "added", "changed", "removed", "unchanged")


@dataclass(frozen=True)
class RunPlaces:
    """Addresses of a run in the Airflow UI."""

    run: str
    report: str
    question: str = ""
    log: str = ""


def started(who: str | None, parameters: Mapping[str, Any], expected_seconds: float | None, places: RunPlaces) -> Mail:
    """Return the mail of a run that began; `who` is None for the schedule."""
    mode = parameters.get("mode", "")
    what = "Live Nexus stays as it is." if mode == "rehearse" else "Live Nexus is switched in one step at the end."
    took = f"Earlier runs took about {elapsed(expected_seconds)}." if expected_seconds else "This is the first run."
    chosen = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return Mail(
        f"started ({mode})",
        f"The import was started by {who or 'the schedule'}.",
        (f"It was told: {chosen}. {what}", took),
        next_step="Nothing to do. A mail comes when it waits for a person, and when it has ended.",
        links=(("Import report", places.report), ("Run", places.run)),
    )


def waiting(
    summary: PlanSummary,
    reasons: list[str],
    operators: list[str],
    until: str,
    places: RunPlaces,
    *,
    again: bool = False,
) -> Mail:
    """Return the mail of a plan that needs a person's word; `until` says when it ends without one."""
    return Mail(
        "still waits for approval" if again else "waits for approval",
        f"The plan {'still ' if again else ''}needs a person's word before live Nexus is changed.",
        (f"Without an answer the run ends at {until} and live Nexus stays as it is.",),
        tuple(reasons),
        plan_tables(summary),
        f"{' or '.join(operators)}: look at the plan, then approve or reject it.",
        (("Approve or reject", places.question), ("Import report", places.report)),
    )


def ended(
    verdict: Verdict, total: str, summary: PlanSummary, findings: FindingCounts, places: RunPlaces, support: str
) -> Mail:
    """Return the mail of a run that has ended, well or not."""
    findings_in_words = (f"Findings to work through in FileMaker: {findings.sentence()}.",) if findings.total else ()
    links = (("Import report", places.report), ("Run", places.run))
    if verdict.is_green:
        return Mail(
            verdict.state,
            f"{verdict.sentence}.",
            (f"Total time: {total}.", *findings_in_words),
            tables=plan_tables(summary),
            next_step="Nothing to do." if verdict.state == "published" else "If the plan is as it should be: publish.",
            links=links,
        )
    to_do = f"Clear {verdict.clear} with downstream." if verdict.clear else "Ask an operator to trigger the import."
    return Mail(
        f"FAILED: {verdict.state}",
        f"❌ {verdict.sentence}.",
        (f"Total time: {total}. Do not retry without reading this.", *findings_in_words),
        verdict.details,
        next_step=to_do,
        links=(("Log of end.outcome", places.log), *links),
        support=support,
    )


def without_verdict(why: str, places: RunPlaces, support: str) -> Mail:
    """Return the mail of a run whose journal cannot be read when it ends."""
    return Mail(
        "FAILED: no verdict",
        f"❌ The journal cannot be read, so nobody can say how this run ended. {why}",
        ("Live Nexus holds either all of the plan or nothing of it.",),
        next_step="When the database of Nexus is back, clear end.outcome: it will say the verdict and which task to "
        "clear.",
        links=(("Log of end.outcome", places.log), ("Run", places.run)),
        support=support,
    )


def plan_tables(summary: PlanSummary) -> tuple[Table, ...]:
    """Return the plan as a table, none when it changes nothing."""
    rows = tuple(
        (t.table, f"{t.added:,}", f"{t.changed:,}", f"{t.removed:,}", f"{t.unchanged:,}")
        for t in summary.tables
        if t.has_changes
    )
    return (Table(PLAN_HEAD, rows),) if rows else ()
