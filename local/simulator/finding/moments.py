"""Find criteria for dates, times and timestamps: whole ones, parts of one, today, wildcards."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from ..data.values import (
    SECONDS_PER_DAY,
    parse_date,
    parse_time_seconds,
    parse_timestamp_seconds,
)
from ..errors import DataApiError

RESULTS: Final = ("date", "time", "timeStamp")

_YEAR: Final = re.compile(r"\d{4}", re.ASCII)
_MONTH_OF_YEAR: Final = re.compile(r"(\d{1,2})/(\d{4})", re.ASCII)
_PART: Final = r"(\*|\d{1,4}|\{\d{1,4}\.{2,3}\d{1,4}\})"
_DATE_OF_PARTS: Final = re.compile(rf"{_PART}/{_PART}/{_PART}", re.ASCII)
_HOUR: Final = re.compile(r"\d{1,2}", re.ASCII)
_HOUR_AND_MINUTE: Final = re.compile(r"\d{1,2}:\d{2}", re.ASCII)


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


def parts_test(text: str, result: str) -> Callable[[int], bool] | None:
    """Return the test of index keys for a date by its parts, `*/*/2024` or `{1..6}/*/2024`; None for other texts."""
    match = _DATE_OF_PARTS.fullmatch(text)
    if match is None or not ("*" in text or "{" in text) or result not in ("date", "timeStamp"):
        return None
    wanted = [_range_of(part) for part in match.groups()]
    divisor = SECONDS_PER_DAY if result == "timeStamp" else 1

    def has_parts(key: int) -> bool:
        ordinal = key // divisor
        if not 1 <= ordinal <= date.max.toordinal():  # a duration before year 1 or after 9999
            return False
        day = date.fromordinal(ordinal)
        parts = (day.month, day.day, day.year)
        return all(part in numbers for part, numbers in zip(parts, wanted, strict=True))

    return has_parts


def _range_of(part: str) -> range:
    """Return the numbers that a part of a date may be."""
    if part == "*":
        return range(10_000)
    low, *high = [int(number) for number in re.findall(r"\d+", part)]
    return range(low, (high or [low])[0] + 1)


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
