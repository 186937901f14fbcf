"""Findings as people work through them: what is wrong, where, what to do, and what became of the last run's. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

NEW, OPEN, FIXED = "new", "still open", "fixed"


@dataclass(frozen=True)
class FindingLine:
    """One finding of a run, or of the last one if it is fixed; ids, field names, names of preserved rows only.

    `status` is new, still open or fixed; `clinic` the name in Nexus of the record's clinic, where that is known.
    """

    status: str
    check_id: str
    title: str
    severity: str
    entity: str
    record_id: str | None
    filemaker_id: str | None
    nexus_id: str | None
    layout: str | None
    field: str | None
    clinic: str | None
    detail: str | None
    todo: str
    suggestion: str | None

    @property
    def wrong(self) -> str:
        """What is wrong: the rule that is broken, and how."""
        return f"Broken rule: {self.title}: {self.detail}" if self.detail else f"Broken rule: {self.title}"


@dataclass(frozen=True)
class FindingCounts:
    """How many findings there are, and what became of the last run's."""

    new: int = 0
    still_open: int = 0
    fixed: int = 0

    @property
    def total(self) -> int:
        """The findings of this run."""
        return self.new + self.still_open

    def sentence(self) -> str:
        """Say it in one line."""
        findings = f"{self.total:,} finding{'' if self.total == 1 else 's'}"
        fixed = f"{self.fixed:,} of the last run {'is' if self.fixed == 1 else 'are'} fixed"
        return f"{findings}: {self.still_open:,} still open, {self.new:,} new; {fixed}"


def count_lines(lines: Iterable[FindingLine]) -> FindingCounts:
    """Count findings by what became of them."""
    by_status = Counter(line.status for line in lines)
    return FindingCounts(by_status[NEW], by_status[OPEN], by_status[FIXED])


def by_check(lines: Iterable[FindingLine]) -> Iterator[tuple[str, list[FindingLine]]]:
    """Yield each check with its lines, in their order."""
    grouped: dict[str, list[FindingLine]] = {}
    for line in lines:
        grouped.setdefault(line.check_id, []).append(line)
    yield from sorted(grouped.items())
