"""Date formats: a date as a file's locale, the United States or ISO 8601 writes it, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final

US_PATTERN: Final = "MM/dd/yyyy"
ISO_PATTERN: Final = "yyyy-MM-dd"
CACHED_DATES: Final = 65_536  # a clinic has few days and many records
TWO_DIGIT_YEARS_FROM: Final = 1950

_TOKEN = re.compile(r"yyyy|yy|MM|M|dd|d")
_READS: Final = {"yyyy": r"(?P<year>\d{4})", "yy": r"(?P<year>\d{2})"}
_READS_EITHER: Final = {"M": r"(?P<month>\d{1,2})", "d": r"(?P<day>\d{1,2})"}
_SHOWS: Final[dict[str, Callable[[date], str]]] = {
    "yyyy": lambda day: f"{day.year:04}",
    "yy": lambda day: f"{day.year % 100:02}",
    "MM": lambda day: f"{day.month:02}",
    "M": lambda day: f"{day.month}",
    "dd": lambda day: f"{day.day:02}",
    "d": lambda day: f"{day.day}",
}


class DatePattern:
    """A pattern of yyyy or yy, MM or M, dd or d, each once, with anything between them: `dd.MM.yyyy`.

    Raises ValueError for a pattern that lacks a part or has one twice.
    """

    def __init__(self, pattern: str) -> None:
        tokens = _TOKEN.findall(pattern)
        if sorted(token[0] for token in tokens) != ["M", "d", "y"]:
            raise ValueError(f"the date format {pattern!r} must have one of yyyy, yy, of MM, M and of dd, d")
        self.pattern = pattern
        self._between = _TOKEN.split(pattern)
        self._shows = [_SHOWS[token] for token in tokens]
        reads = [_READS.get(token) or _READS_EITHER[token[0]] for token in tokens]
        self._reads = re.compile(_woven([re.escape(text) for text in self._between], reads), re.ASCII)
        self.show = lru_cache(maxsize=CACHED_DATES)(self._show)
        self.parse = lru_cache(maxsize=CACHED_DATES)(self._parse)

    def _show(self, us_date: str) -> str:
        """Return a stored US date in this format; what is no date stays as it is."""
        day = US.parse(us_date)
        return us_date if day is None else _woven(self._between, [show(day) for show in self._shows])

    def _parse(self, text: str) -> date | None:
        """Read a date of this format; None when it is none or the day does not exist."""
        match = self._reads.fullmatch(text)
        if match is None:
            return None
        year = match["year"]
        number = int(year) if len(year) == len("yyyy") else _century(int(year))
        try:
            return date(number, int(match["month"]), int(match["day"]))
        except ValueError:
            return None


def _woven(between: list[str], parts: list[str]) -> str:
    return between[0] + "".join(part + text for part, text in zip(parts, between[1:], strict=True))


def _century(year: int) -> int:
    return year + (1900 if 1900 + year >= TWO_DIGIT_YEARS_FROM else 2000)


US: Final = DatePattern(US_PATTERN)
ISO: Final = DatePattern(ISO_PATTERN)
