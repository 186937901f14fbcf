"""What a run left behind: states, counts, findings, log lines, and whether live Nexus is as it was."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.support.installation import Installation
from tests.support.runs import Run


@dataclass(frozen=True)
class LogLine:
    """One line of the log."""

    level: int
    text: str


@dataclass(frozen=True)
class CheckOutcome:
    """A check's line in the journal."""

    title: str
    severity: str
    finding_count: int
    is_passed: bool
    sentence: str


@dataclass(frozen=True)
class Observed:
    """`found` holds (entity, record id, else row id, else entity) by check, `fields` the FileMaker fields named."""

    run: Run
    found: dict[str, list[tuple[str, str]]]
    fields: dict[str, set[str | None]]
    checks: dict[str, CheckOutcome]
    log: list[LogLine]
    is_live_unchanged: bool
    publication_count: int
    personal_values: list[str]

    def count_in_xcom(self, check: str) -> Any:
        """Return the check's count as its task returned it, None when no task did."""
        phase, name = check.split("/", 1)
        for task_id, result in self.run.results.items():
            if task_id.startswith(f"{phase}_") and isinstance(result, dict) and name in result:
                return result[name]
        return None


@contextmanager
def listening() -> Iterator[list[LogLine]]:
    """Yield the list that every log line of the block is added to."""
    lines: list[LogLine] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(LogLine(record.levelno, record.getMessage()))

    listener = Listener(logging.DEBUG)
    logging.getLogger().addHandler(listener)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(listener)


def go_and_observe(run: Run) -> Observed:
    """Go as far as the run goes and look at what it left behind."""
    live = run.installation.live()
    with listening() as log:
        return observe(run.go(), log, live)


def observe(run: Run, log: list[LogLine], live_before: dict[str, str]) -> Observed:
    """Read the run's journal and compare live Nexus with what it was."""
    installation = run.installation
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    fields: dict[str, set[str | None]] = defaultdict(set)
    for check, entity, name, field in installation.rows(
        "SELECT check_id, entity, COALESCE(record_id, nexus_id::text, entity), field FROM nexus_import.finding"
        " WHERE run_id = %s ORDER BY 1, 2, 3",
        run.run_id,
    ):
        found[check].append((entity, name))
        fields[check].add(field)
    checks = installation.rows(
        "SELECT check_id, title, severity, finding_count, is_passed, sentence FROM nexus_import.check_result"
        " WHERE run_id = %s",
        run.run_id,
    )
    # The run may be cleared and go on; what is observed stays.
    as_it_is = replace(run, states=dict(run.states), results=dict(run.results), errors=dict(run.errors))
    return Observed(
        as_it_is,
        found,
        fields,
        {check: CheckOutcome(*rest) for check, *rest in checks},
        log,
        installation.live() == live_before,
        installation.value("SELECT count(*) FROM nexus_import.publication WHERE run_id = %s", run.run_id),
        personal_values_in(run.installation, run.run_id, log),
    )


def personal_values_in(installation: Installation, run_id: str, log: list[LogLine]) -> list[str]:
    """Return the patients' names, dates, phones and sentences that the log or the journal of the run holds.

    Before-images are left out: they are the undo's and hold whole rows.
    """
    said = [line.text for line in log]
    for table in (
        "run",
        "attempt",
        "step",
        "check_result",
        "finding",
        "relaxation",
        "balance",
        "plan",
        "relink_decision",
    ):
        rows = installation.rows(f"SELECT t::text FROM nexus_import.{table} AS t WHERE run_id = %s", run_id)
        said += [text for (text,) in rows]
    everything = "\n".join(said)
    personal = (installation.parts.clinic / "personal_values.txt").read_text(encoding="utf-8").splitlines()
    return [value for value in personal if value and value in everything]
