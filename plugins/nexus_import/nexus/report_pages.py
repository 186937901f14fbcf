"""What the report's pages ask of the journal beside the report: lists, a page of them at a time.

How many statements a page takes does not depend on how many rows there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from nexus_import.core.finding_lines import FIXED, NEW, OPEN, FindingCounts, FindingLine
from nexus_import.core.report import AttemptLine
from nexus_import.nexus.findings import compose_compared
from nexus_import.nexus.sql import compose

SORTS = {
    "check": "line.check_id",
    "clinic": "line.clinic",
    "severity": "line.severity",
    "status": "line.status",
    "record": "lpad(line.record_id, 20)",
}
"""What findings may be sorted by, and the expression for each; record ids are numbers, kept as text."""


@dataclass(frozen=True)
class FindingGroup:
    """Findings that a filter cannot tell apart, counted."""

    check_id: str
    title: str
    severity: str
    clinic: str | None
    status: str
    finding_count: int


BLOCK_NAMES: dict[str, Callable[[FindingGroup], str | None]] = {
    "check": lambda group: group.check_id,
    "clinic": lambda group: group.clinic,
    "severity": lambda group: group.severity,
    "status": lambda group: group.status,
}
"""What is sorted by first, where all findings of a group have the same of it; a record's id is each one's own."""


@dataclass(frozen=True)
class FindingFilter:
    """Which findings are wanted, None for all; `clinic` '' means those of no clinic."""

    check_id: str | None = None
    severity: str | None = None
    clinic: str | None = None
    status: str | None = None
    sort: str = "check"

    def takes(self, item: FindingGroup | FindingLine) -> bool:
        """Tell whether a finding, or all of a group, is wanted."""
        return (
            self.check_id in (None, item.check_id)
            and self.severity in (None, item.severity)
            and self.clinic in (None, item.clinic or "")
            and self.status in (None, item.status)
        )


@dataclass(frozen=True)
class PlanRow:
    """A row of the plan: its id, FileMaker's id where it is known, and what happens to it."""

    row_id: str
    filemaker_id: str | None
    words: str


@dataclass(frozen=True)
class RestoreLine:
    """A restore as the list of runs shows it."""

    run_id: str
    started_at: datetime
    state: str
    who: str | None
    verdict: str | None


def has_journal(connection: Connection[Any]) -> bool:
    """Tell whether there is a journal; the first run makes it."""
    row = connection.execute("SELECT to_regclass('nexus_import.relaxation') IS NOT NULL").fetchone()
    return bool(row and row[0])


def count_findings(connection: Connection[Any], run_id: str) -> list[FindingGroup]:
    """Return the run's findings and those that are fixed, counted by all that they are filtered by."""
    with connection.cursor(row_factory=class_row(FindingGroup)) as cursor:
        return cursor.execute(compose_compared("count_findings"), {"run_id": run_id, "check_ids": None}).fetchall()


def counts_by_check(groups: Iterable[FindingGroup]) -> dict[str, FindingCounts]:
    """Return what became of each check's findings."""
    counts: dict[str, dict[str, int]] = {}
    for group in groups:
        of_check = counts.setdefault(group.check_id, {NEW: 0, OPEN: 0, FIXED: 0})
        of_check[group.status] += group.finding_count
    return {check_id: FindingCounts(found[NEW], found[OPEN], found[FIXED]) for check_id, found in counts.items()}


@dataclass(frozen=True)
class Blocks:
    """The findings among which a page lies: `names` are pairs of what is sorted by first and the check, None all."""

    names: list[tuple[str | None, str]] | None
    skip: int

    def values(self) -> dict[str, Any]:
        """Return the parameters of page_findings.sql that name them."""
        firsts, check_ids = zip(*self.names, strict=True) if self.names is not None else (None, None)
        return {
            "block_firsts": list(firsts) if firsts is not None else None,
            "check_ids": list(check_ids) if check_ids is not None else None,
            "skip": self.skip,
        }


def find_blocks(groups: Iterable[FindingGroup], wanted: FindingFilter, size: int, skip: int) -> Blocks:
    """Return where a page lies, by the counts that are known: what stands before and after need not be sorted."""
    if wanted.sort not in BLOCK_NAMES:
        return Blocks(None, skip)
    first, counts = BLOCK_NAMES[wanted.sort], Counter[tuple[str | None, str]]()
    for group in groups:
        if wanted.takes(group):
            counts[first(group), group.check_id] += group.finding_count
    # as PostgreSQL sorts: bytes of UTF-8 are in the order of code points, and NULL comes last
    names, passed, before = [], 0, 0
    for name in sorted(counts, key=lambda block: (block[0] is None, block[0] or "", block[1])):
        if passed + counts[name] <= skip:
            before = passed + counts[name]
        elif passed < skip + size:
            names.append(name)
        passed += counts[name]
    return Blocks(names, skip - before)


def page_of_findings(
    connection: Connection[Any], run_id: str, wanted: FindingFilter, blocks: Blocks, size: int
) -> list[FindingLine]:
    """Return one page of the run's findings."""
    first = sql.SQL("{} COLLATE {}").format(sql.SQL(SORTS[wanted.sort]), sql.Identifier("C"))
    values = {
        "run_id": run_id,
        "check_id": wanted.check_id,
        "severity": wanted.severity,
        "clinic": wanted.clinic,
        "status": wanted.status,
        "size": size,
    } | blocks.values()
    with connection.cursor(row_factory=class_row(FindingLine)) as cursor:
        return cursor.execute(compose_compared("page_findings", first=first), values).fetchall()


def page_of_plan(
    connection: Connection[Any], run_id: str, table: str, kind: str, column: str | None, size: int, skip: int
) -> list[PlanRow]:
    """Return one page of a plan's rows; `kind` is add, change, remove, or fate for rows FileMaker does not hold."""
    statement = "report/page_fates.sql" if kind == "fate" else "report/page_plan.sql"
    values = {
        "run_id": run_id,
        "table_name": table,
        "action": kind,
        "column_name": column,
        "size": size,
        "skip": skip,
    }
    with connection.cursor(row_factory=class_row(PlanRow)) as cursor:
        return cursor.execute(compose(statement), values).fetchall()


def list_restores(connection: Connection[Any], size: int) -> list[RestoreLine]:
    """Return the newest restores; none when no restore ever made its part of the journal."""
    with connection.cursor(row_factory=class_row(RestoreLine)) as cursor:
        return cursor.execute(
            "SELECT run_id, started_at, state, requested_by AS who, verdict FROM nexus_import.restore_run"
            " ORDER BY started_at DESC LIMIT %s",
            (size,),
        ).fetchall()


def list_refused(connection: Connection[Any], size: int) -> list[AttemptLine]:
    """Return the newest attempts that were refused."""
    rows = connection.execute(
        "SELECT at, requested_by, trigger_kind, refused_because FROM nexus_import.attempt"
        " WHERE refused_because IS NOT NULL ORDER BY attempt_id DESC LIMIT %s",
        (size,),
    )
    return [AttemptLine(at, who, f"started a run ({kind})", why, True) for at, who, kind, why in rows]
