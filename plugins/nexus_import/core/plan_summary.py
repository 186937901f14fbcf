"""What a plan amounts to, in counts: per table, per column, and what becomes of rows FileMaker does not hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

WHY = {
    "vanished": "gone from FileMaker",
    "unusable": "FileMaker's record cannot be imported",
    "duplicate": "another row has its FileMaker id",
    "nexus_only": "only in Nexus",
}
"""Why FileMaker does not hold a row, in words."""
FATE = {"removed": "removed", "archived": "archived", "kept": "kept", "cleared": "kept, loses a link"}
"""What becomes of such a row, in words."""


@dataclass(frozen=True)
class TableSummary:
    """One table of the plan: rows by what happens to them, changed rows by column.

    `overwritten` counts by column the values that staff changed since the last publish and that go with this plan,
    in rows that are changed and in rows that are removed.
    """

    table: str
    added: int
    changed: int
    removed: int
    unchanged: int
    columns: dict[str, int] = field(default_factory=dict)
    overwritten: dict[str, int] = field(default_factory=dict)

    @property
    def change_count(self) -> int:
        """Rows that the plan touches in the table."""
        return self.added + self.changed + self.removed

    @property
    def has_changes(self) -> bool:
        """Tell whether the plan touches the table."""
        return self.change_count > 0


@dataclass(frozen=True)
class FateCount:
    """How many rows of a table FileMaker does not hold, why, and what becomes of them."""

    table: str
    fate: str
    reason: str
    count: int


@dataclass(frozen=True)
class PlanSummary:
    """A plan in counts."""

    tables: list[TableSummary] = field(default_factory=list)
    fates: list[FateCount] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)
    """Documents and batches whose evidence names more than one patient, by the check that lists them."""

    @property
    def overwritten_count(self) -> int:
        """Values changed by staff that the plan replaces or removes."""
        return sum(sum(table.overwritten.values()) for table in self.tables)


def plan_lines(summary: PlanSummary) -> Iterator[str]:
    """Yield what a log says of the plan, a line for each table and each group of rows."""
    for table in summary.tables:
        if table.has_changes:
            yield (
                f"{table.table}: {table.added:,} added, {table.changed:,} changed{_in_brackets(table.columns)}, "
                f"{table.removed:,} removed, {table.unchanged:,} unchanged"
            )
    for fate in summary.fates:
        yield f"{fate.table}: {fate.count:,} rows {WHY[fate.reason]}: {FATE[fate.fate]}"
    for check, count in summary.conflicts.items():
        yield f"{count:,} rows whose evidence names more than one patient: {check} lists them"
    for table in summary.tables:
        if table.overwritten:
            yield f"{table.table}: values that staff changed go with this plan{_in_brackets(table.overwritten)}"


def plan_as_markdown(summary: PlanSummary, reasons: list[str]) -> str:
    """Return the question's text: why a person is asked, what would change, what would be lost."""
    changed = [table for table in summary.tables if table.has_changes]
    lines = ["**Why you are asked**", "", *(f"- {reason}" for reason in reasons), ""]
    if changed:
        lines += ["**The plan**", "", "| table | added | changed | removed | unchanged |", "|---|---:|---:|---:|---:|"]
        lines += [f"| {t.table} | {t.added:,} | {t.changed:,} | {t.removed:,} | {t.unchanged:,} |" for t in changed]
    else:
        lines += ["**The plan changes nothing.**"]
    if summary.fates:
        lines += ["", "**Rows that FileMaker does not hold**", ""]
        lines += ["| table | why | what becomes of them | rows |", "|---|---|---|---:|"]
        lines += [f"| {f.table} | {WHY[f.reason]} | {FATE[f.fate]} | {f.count:,} |" for f in summary.fates]
    if summary.overwritten_count:
        lines += ["", "**Values that staff changed in Nexus, and that go with this plan**", ""]
        lines += [f"- {table.table}: {_counted(table.overwritten)}" for table in changed if table.overwritten]
    if summary.conflicts:
        lines += ["", "**Documents and image batches whose evidence names more than one patient**", ""]
        lines += [f"- {count:,}, listed by {check} in findings.csv" for check, count in summary.conflicts.items()]
    if any(table.columns for table in changed):
        lines += ["", "**Changed values**", ""]
        lines += [f"- {table.table}: {_counted(table.columns)}" for table in changed if table.columns]
    return "\n".join(lines)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _in_brackets(counts: Mapping[str, int]) -> str:
    return f" ({_counted(counts)})" if counts else ""
