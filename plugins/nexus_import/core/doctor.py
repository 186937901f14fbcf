"""What the doctor says about a deployment: one line per item, with what was seen and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from croniter import croniter

EXIT_WELL = 0
EXIT_ILL = 1
CLOCK_WARNING_SECONDS = 30.0
CLOCK_LIMIT_SECONDS = 300.0
"""S3 refuses requests whose time is a quarter of an hour away; long before that the journal's times mislead."""
_YEAR = timedelta(days=366)


class Mark(StrEnum):
    """How an item is: `SKIPPED` was not looked at, because what it needs is ill, or because nobody asked for it."""

    GOOD = "✅"
    WARNING = "⚠"
    BAD = "❌"
    SKIPPED = "–"


@dataclass(frozen=True)
class Item:
    """One line of the doctor: what was looked at, how it is, what was seen, and what to do (empty when it is good)."""

    name: str
    mark: Mark
    seen: str
    fix: str = ""

    @property
    def is_well(self) -> bool:
        """Tell whether what stands on this item can be looked at."""
        return self.mark in {Mark.GOOD, Mark.WARNING}

    def line(self) -> str:
        """Return the item as one line, whatever line breaks its sentences hold."""
        said = f"{self.mark} {self.name}: {_one_line(self.seen)}"
        return f"{said} → {_one_line(self.fix)}" if self.fix else said


def good(name: str, seen: str) -> Item:
    """Return an item that is as it should be."""
    return Item(name, Mark.GOOD, seen)


def warning(name: str, seen: str, fix: str) -> Item:
    """Return an item that a run can live with."""
    return Item(name, Mark.WARNING, seen, fix)


def bad(name: str, seen: str, fix: str) -> Item:
    """Return an item that a run would stop or suffer at."""
    return Item(name, Mark.BAD, seen, fix)


def skipped(name: str, why: str) -> Item:
    """Return an item that was not looked at."""
    return Item(name, Mark.SKIPPED, why)


def exit_code(items: Iterable[Item]) -> int:
    """Return 1 when an item is bad, else 0: warnings are for people."""
    return EXIT_ILL if any(item.mark is Mark.BAD for item in items) else EXIT_WELL


def summary(items: list[Item]) -> str:
    """Return the last line: how many items there are of each kind."""
    counts = {mark: sum(item.mark is mark for item in items) for mark in Mark}
    return (
        f"{len(items)} items: {counts[Mark.GOOD]} good, {counts[Mark.WARNING]} to look at, {counts[Mark.BAD]} wrong, "
        f"{counts[Mark.SKIPPED]} not looked at"
    )


def judge_clocks(name: str, ahead_seconds: Mapping[str, float]) -> Item:
    """Judge the clocks of others: by how many seconds each is ahead of this machine's."""
    if not ahead_seconds:
        return skipped(name, "nobody could be asked for the time")
    seen = ", ".join(f"{who} {seconds:+.0f} s" for who, seconds in ahead_seconds.items())
    worst = max(abs(seconds) for seconds in ahead_seconds.values())
    if worst < CLOCK_WARNING_SECONDS:
        return good(name, f"{seen} against this machine")
    fix = "let every machine take its time from the same NTP server; if all differ alike, this machine is wrong"
    make = bad if worst >= CLOCK_LIMIT_SECONDS else warning
    return make(name, f"{seen} against this machine", fix)


def wall_clock_slips(cron: str, zone: ZoneInfo, now: datetime) -> list[str]:
    """Return the days of the coming year on which the schedule falls into an hour that is missing or comes twice.

    `now` is aware. Each is said as a date with what happens to it.
    """
    slips = []
    # the wall's own time, as the schedule is written in
    slots = croniter(cron, now.astimezone(zone).replace(tzinfo=None))
    end = now.astimezone(zone).replace(tzinfo=None) + _YEAR
    while (slot := slots.get_next(datetime)) < end:
        first, second = (slot.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if first is not None and second is not None and first != second:
            slips.append(f"{slot:%Y-%m-%d %H:%M} {'does not exist' if first < second else 'comes twice'}")
    return slips


def next_slots(cron: str, zone: ZoneInfo, now: datetime, count: int = 2) -> Iterator[datetime]:
    """Yield the next slots of the schedule, in the zone's wall time (aware)."""
    slots = croniter(cron, now.astimezone(zone).replace(tzinfo=None))
    for _ in range(count):
        yield slots.get_next(datetime).replace(tzinfo=zone)


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
