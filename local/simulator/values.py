"""FileMaker's values: how they are stored here, compared, sorted, shown and accepted.

Stored as the Data API returns them with dateformats=0: dates `MM/DD/YYYY`, times `HH:MM:SS`, timestamps
`MM/DD/YYYY HH:MM:SS`, numbers as JSON numbers, an empty field as `""`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import Final

from local.simulator.errors import DataApiError

Value = str | int | float
Key = str | int | float

RESULTS: Final = ("text", "number", "date", "time", "timeStamp", "container")
SECONDS_PER_DAY: Final = 86_400
CACHED_DATES: Final = 65_536  # a clinic has few days and many records
DATEFORMATS_US, DATEFORMATS_LOCALE, DATEFORMATS_ISO = 0, 1, 2

_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(r"(-?)(\d{1,6}):([0-5]?\d)(?::([0-5]?\d)(?:\.\d+)?)?")
_NOT_NUMERIC = re.compile(r"[^0-9.\-]")


def fold(text: str) -> str:
    """Return the text as FileMaker's index compares it: without case and without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@lru_cache(maxsize=CACHED_DATES)
def parse_date(text: str) -> date | None:
    """Read a US or ISO date; None when it is neither or the day does not exist."""
    if match := _US_DATE.fullmatch(text):
        month, day, year = (int(part) for part in match.groups())
    elif match := _ISO_DATE.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_time_seconds(text: str) -> int | None:
    """Read a time of day or a duration as seconds; it may exceed 24 hours or be negative."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes, seconds = match.groups()
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return -total if sign else total


def parse_timestamp_seconds(text: str) -> int | None:
    """Read a timestamp as seconds since year 1, without a time zone."""
    day_text, _, time_text = text.replace("T", " ", 1).partition(" ")
    day = parse_date(day_text)
    seconds = parse_time_seconds(time_text.strip()) if time_text else 0
    if day is None or seconds is None:
        return None
    return day.toordinal() * SECONDS_PER_DAY + seconds


def parse_number(value: Value) -> int | float | None:
    """Read a number as FileMaker does: the digits in a text count, its letters do not."""
    if not isinstance(value, str):
        return value
    digits = _NOT_NUMERIC.sub("", value)
    try:
        return float(digits) if "." in digits else int(digits)
    except ValueError:
        return None


def index_key(value: Value, result: str) -> Key | None:
    """Return what orders a value among others of its field; None for a value of the wrong type."""
    if result == "number":
        return parse_number(value)
    text = value if isinstance(value, str) else f"{value}"
    if result == "date":
        day = parse_date(text)
        return None if day is None else day.toordinal()
    if result == "time":
        return parse_time_seconds(text)
    if result == "timeStamp":
        return parse_timestamp_seconds(text)
    return fold(text)


def show(value: Value, result: str, dateformats: int) -> Value:
    """Return a stored value in the date format a request asked for (0 US, 1 file locale, 2 ISO 8601)."""
    if dateformats != DATEFORMATS_ISO or not isinstance(value, str) or not value:
        return value
    day_text, _, time_text = value.partition(" ")
    day = parse_date(day_text) if result in ("date", "timeStamp") else None
    if day is None:
        return value
    return f"{day.isoformat()}T{time_text}" if result == "timeStamp" else day.isoformat()


def accept(value: object, result: str) -> Value:
    """Return the value to store for one that a client wrote.

    Raises DataApiError: 500, 501 for a date or time that is none, 1708 for null, lists and objects.
    """
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, (str, int, float)):
        raise DataApiError(1708)
    if value == "":
        return ""
    if result == "number":
        return _accept_number(value)
    if result in ("date", "timeStamp", "time"):
        return _accept_moment(str(value), result)
    return value if isinstance(value, str) else f"{value}"


def _accept_number(value: Value) -> Value:
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return value  # text typed into a number field stays text, as in FileMaker


def _accept_moment(text: str, result: str) -> str:
    if result == "time":
        if parse_time_seconds(text) is None:
            raise DataApiError(501)
        return text
    day_text, _, time_text = text.replace("T", " ", 1).partition(" ")
    day = parse_date(day_text)
    if day is None or (time_text and parse_time_seconds(time_text) is None):
        raise DataApiError(500)
    us_date = f"{day.month:02}/{day.day:02}/{day.year:04}"
    return us_date if result == "date" else f"{us_date} {time_text or '00:00:00'}"
