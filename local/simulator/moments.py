"""Find criteria for dates, times and timestamps: whole ones, parts of one, today, wildcards."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from local.simulator.errors import DataApiError
from local.simulator.values import (
    SECONDS_PER_DAY,
    Value,
    parse_date,
    parse_time_seconds,
    parse_timestamp_seconds,
)

RESULTS: Final = ("date", "time", "timeStamp")

_YEAR: Final = re.compile(r"\d{4}")
_MONTH_OF_YEAR: Final = re.compile(r"(\d{1,2})/(\d{4})")
_DATE_WITH_WILDCARD: Final = re.compile(r"(\*|\d{1,2})/(\*|\d{1,2})/(\*|\d{4})")
_HOUR: Final = re.compile(r"\d{1,2}")
_HOUR_AND_MINUTE: Final = re.compile(r"\d{1,2}:\d{2}")


def key_interval(text: str, result: str) -> tuple[int, int]:
    """Return the first and last index key that a criterion covers.

    Days are ordinals, times seconds, timestamps seconds since year 1. Raises DataApiError 500 (date,
    timestamp) or 501 (time) when the text is no such thing.
    """
    if result == "time":
        return _time_interval(text)
    if result == "timeStamp":
        if ":" in text:
            seconds = parse_timestamp_seconds(text)
            if seconds is None:
                raise DataApiError(500)
            return seconds, seconds
        first_day, last_day = _date_interval(text)
        return first_day * SECONDS_PER_DAY, (last_day + 1) * SECONDS_PER_DAY - 1
    return _date_interval(text)


def wildcard_test(text: str, result: str) -> Callable[[Value], bool] | None:
    """Return the test for a date with stars in it (`*/*/2024`), None when the text is not one."""
    match = _DATE_WITH_WILDCARD.fullmatch(text)
    if match is None or "*" not in text or result == "time":
        return None
    wanted = [None if part == "*" else int(part) for part in match.groups()]

    def has_parts(value: Value) -> bool:
        day = parse_date(str(value).partition(" ")[0])
        if day is None:
            return False
        parts = (day.month, day.day, day.year)
        return all(want is None or want == part for want, part in zip(wanted, parts, strict=True))

    return has_parts


def _date_interval(text: str) -> tuple[int, int]:
    if text == "//":
        text = datetime.now().astimezone().date().isoformat()
    if day := parse_date(text):
        return day.toordinal(), day.toordinal()
    try:
        if _YEAR.fullmatch(text):
            return date(int(text), 1, 1).toordinal(), date(int(text), 12, 31).toordinal()
        if match := _MONTH_OF_YEAR.fullmatch(text):
            month, year = (int(part) for part in match.groups())
            last = monthrange(year, month)[1]
            return date(year, month, 1).toordinal(), date(year, month, last).toordinal()
    except ValueError:
        pass
    raise DataApiError(500)


def _time_interval(text: str) -> tuple[int, int]:
    if text == "//":
        now = datetime.now().astimezone()
        text = f"{now:%H:%M:%S}"
    seconds = parse_time_seconds(f"{text}:00" if _HOUR.fullmatch(text) else text)
    if seconds is None:
        raise DataApiError(501)
    if _HOUR.fullmatch(text):
        return seconds, seconds + 3599
    return seconds, seconds + 59 if _HOUR_AND_MINUTE.fullmatch(text) else seconds
