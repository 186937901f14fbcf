"""The lines a person reads in a task log: one shape for every phase, with counts and elapsed time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


def elapsed(seconds: float) -> str:
    """Return a duration as people say it: `4.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def starting(phase: str, what: str) -> str:
    """Return the line that opens a step: `Phase 3: Importing patients from FileMaker...`."""
    return f"{phase}: {what}..."


def done(phase: str, what: str, error_count: int, seconds: float) -> str:
    """Return the line that closes a step: `Phase 3: ✅ Imported 2,842 patients, 0 errors (4.1 s)`."""
    mark = "✅" if error_count == 0 else "❌"
    return f"{phase}: {mark} {what}, {error_count:,} error{'' if error_count == 1 else 's'} ({elapsed(seconds)})"


@dataclass(frozen=True)
class Progress:
    """How far a long step is: one snapshot feeds the log and whatever else shows it.

    `total` is None where nobody knows it before the end; `seconds` have passed since the step began.
    """

    what: str
    done: int
    total: int | None
    seconds: float

    @property
    def rate(self) -> float:
        """Done per second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at this rate, None while nobody can know."""
        if self.total is None or not self.rate:
            return None
        return max(self.total - self.done, 0) / self.rate

    def line(self) -> str:
        """Return it as a person reads it: `patients: 2,000 of 2,842 (70 %), 510/s, 1.7 s left`."""
        of_all = "" if self.total is None else f" of {self.total:,}"
        share = f" ({100 * self.done // self.total} %)" if self.total else ""
        left = "" if self.seconds_left is None else f", {elapsed(self.seconds_left)} left"
        return f"{self.what}: {self.done:,}{of_all}{share}, {self.rate:,.0f}/s{left}"


class Progressing:
    """Counts what is done and hands on a snapshot, at most one a second and the last one always.

    `tell` is called with each snapshot; `now` gives seconds, from anywhere.
    """

    SECONDS_BETWEEN = 1.0

    def __init__(
        self, what: str, total: int | None, tell: Callable[[Progress], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.what, self.total, self.done = what, total, 0
        self._tell, self._now = tell, now
        self._started = self._told = now()
        self._is_told = True

    def reach(self, done: int) -> None:
        """Note how many are done by now."""
        self.done, self._is_told = done, False
        if self._now() - self._told >= self.SECONDS_BETWEEN:
            self._say()

    def end(self) -> None:
        """Say how it ended, unless that was said already."""
        if not self._is_told:
            self._say()

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items and count them."""
        for count, item in enumerate(items, self.done + 1):
            yield item
            self.reach(count)
        self.end()

    def _say(self) -> None:
        self._told, self._is_told = self._now(), True
        self._tell(Progress(self.what, self.done, self.total, self._told - self._started))
