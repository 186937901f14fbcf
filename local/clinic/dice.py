"""Everything random about the clinic comes out of a `Dice`, so that a seed gives the same bytes again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

CLINIC_ZONE = ZoneInfo("Australia/Sydney")
FIRST_HOUR = 8  # opening hours also keep away from 02:00 to 03:00, which a clock change skips or repeats
LAST_HOUR = 17

T = TypeVar("T")


class Dice:
    """A seeded source of choices; one per subject, so that more of one thing does not change another."""

    def __init__(self, seed: int, subject: str) -> None:
        self.rng = random.Random(f"{seed}:{subject}")

    def uuid(self) -> str:
        """Return a version-4 UUID in lower case, as Nexus makes its ids."""
        digits = f"{self.rng.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def filemaker_id(self) -> str:
        """Return a UUID in upper case, as FileMaker makes its keys."""
        return self.uuid().upper()

    def chance(self, probability: float) -> bool:
        """Return True with the given probability (0 to 1)."""
        return self.rng.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.rng.random() * len(items))]

    def other(self, items: Sequence[T], than: T) -> T:
        """Return one of the items that is not `than`; the items must hold at least one such."""
        while (item := self.pick(items)) == than:
            pass
        return item

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Return `count` different items, or all of them when there are fewer."""
        return self.rng.sample(items, min(count, len(items)))

    def kinds(self, special: dict[str, int], total: int, usual: str) -> list[str]:
        """Return the kind of each of `total` things in mixed order; what is not special is `usual`."""
        kinds = [kind for kind, count in special.items() for _ in range(count)]
        kinds += [usual] * (total - len(kinds))
        self.rng.shuffle(kinds)
        return kinds

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def digits(self, count: int) -> str:
        """Return `count` decimal digits as text."""
        return f"{int(self.rng.random() * 10**count):0{count}d}"

    def token(self) -> str:
        """Return 40 hexadecimal digits, the look of a secret or a foreign system's id."""
        return f"{self.rng.getrandbits(160):040x}"

    def day(self, first: date, last: date) -> date:
        """Return a day from `first` to `last`, both included."""
        return first + timedelta(days=self.number(0, (last - first).days))

    def moment(self, first: date, last: date) -> datetime:
        """Return a naive local time on a day from `first` to `last`, in opening hours, on the second."""
        at = time(self.number(FIRST_HOUR, LAST_HOUR), self.number(0, 59), self.number(0, 59))
        return datetime.combine(self.day(first, last), at)

    def slot(self, first: date, last: date) -> datetime:
        """Return the naive local start of an appointment: a weekday, opening hours, on the quarter hour."""
        day = self.day(first, last)
        if day.weekday() > 4:
            day -= timedelta(days=2)
        return datetime.combine(day, time(self.number(FIRST_HOUR, LAST_HOUR), 15 * self.number(0, 3)))


@cache
def _offset(day: date) -> str:
    offset = datetime.combine(day, time(12), CLINIC_ZONE).utcoffset()
    assert offset is not None
    return f"+{offset // timedelta(hours=1):02d}"


def zoned(local: datetime) -> str:
    """Return a naive local time as PostgreSQL reads it, with the clinic's UTC offset at noon of that day."""
    return f"{local.isoformat(' ', 'seconds')}{_offset(local.date())}"


def us_date(day: date | None) -> str:
    """Return a day as the Data API prints it, `MM/DD/YYYY`; empty when there is none."""
    return f"{day.month:02d}/{day.day:02d}/{day.year}" if day else ""


def us_timestamp(local: datetime) -> str:
    """Return a local time as the Data API prints it, `MM/DD/YYYY HH:MM:SS`."""
    return f"{us_date(local.date())} {local.time().isoformat('seconds')}"
