"""FileMaker's values: how they are stored here, compared, sorted, shown and accepted.

Stored as the Data API returns them with dateformats=0: dates `MM/DD/YYYY`, times `HH:MM:SS`, timestamps
`MM/DD/YYYY HH:MM:SS`, numbers as JSON numbers, an empty field as `""`, a container's file as a `File`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final

from ..errors import DataApiError
from . import dates
from .dates import DatePattern
from .files import File

Value = str | int | float | File
Key = str | int | float

RESULTS: Final = ("text", "number", "date", "time", "timeStamp", "container")
SECONDS_PER_DAY: Final = 86_400
DATEFORMATS_US, DATEFORMATS_LOCALE, DATEFORMATS_ISO = 0, 1, 2

_TIME = re.compile(r"(-?)(\d{1,6}):([0-5]?\d)(?::([0-5]?\d)(?:\.\d+)?)?", re.ASCII)
_NOT_NUMERIC = re.compile(r"[^0-9.\-]")
_PLAIN_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)


def fold(text: str) -> str:
    """Return the text as FileMaker's index compares it: without case and without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@lru_cache(maxsize=dates.CACHED_DATES)
def parse_date(text: str) -> date | None:
    """Read a US or ISO date; None when it is neither or the day does not exist."""
    return dates.US.parse(text) or dates.ISO.parse(text)


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
    if isinstance(value, (int, float)):
        return None if value != value else value
    digits = _NOT_NUMERIC.sub("", value if isinstance(value, str) else value.name)
    try:
        return float(digits) if "." in digits else int(digits)
    except ValueError:
        return None


def index_key(value: Value, result: str) -> Key | None:
    """Return what orders a value among others of its field; None for a value of the wrong type."""
    return key_reader(result)(value)


def key_reader(result: str) -> Callable[[Value], Key | None]:
    """Return `index_key` for all values of a type."""
    return _KEY_READERS.get(result, _text_key)


def _text_key(value: Value) -> str:
    return fold(value) if isinstance(value, str) else fold(_text_of(value))


def _date_key(value: Value) -> int | None:
    day = parse_date(_text_of(value))
    return None if day is None else day.toordinal()


def _text_of(value: Value) -> str:
    return value if isinstance(value, str) else value.name if isinstance(value, File) else f"{value}"


_KEY_READERS: Final[dict[str, Callable[[Value], Key | None]]] = {
    "number": parse_number,
    "date": _date_key,
    "time": lambda value: parse_time_seconds(_text_of(value)),
    "timeStamp": lambda value: parse_timestamp_seconds(_text_of(value)),
}


def converter(
    result: str, dateformats: int, locale: DatePattern, *, separator: str, numbers_as_text: bool
) -> Callable[[Any], Any] | None:
    """Return the function that shows stored values of a type as a request asked; None to show them as stored.

    `dateformats` is 0 US, 1 the file's `locale`, 2 ISO 8601 with `separator` between date and time.
    """
    if result == "number" and numbers_as_text:
        return str
    pattern = _pattern(dateformats, locale)
    if result not in ("date", "timeStamp") or pattern.pattern == dates.US_PATTERN:
        return None
    show = pattern.show
    if result == "date":
        return lambda value: show(value) if isinstance(value, str) else value
    between = separator if dateformats == DATEFORMATS_ISO else " "

    def show_timestamp(value: Any) -> Any:
        day, space, time = value.partition(" ") if isinstance(value, str) else ("", "", "")
        shown = show(day)
        return f"{shown}{between}{time}" if space and shown != day else value

    return show_timestamp


def day_parser(dateformats: int, locale: DatePattern) -> Callable[[str], date | None]:
    """Return what reads the dates of a request: 0 US, 1 the file's locale, 2 ISO 8601."""
    return _pattern(dateformats, locale).parse


def accept(value: object, result: str, parse_day: Callable[[str], date | None] = parse_date) -> Value:
    """Return the value to store for one that a client wrote; `parse_day` reads the dates it may use.

    Raises DataApiError: 500, 501 for a date or time that is none, 1708 for null, lists, objects and anything
    but "" in a container.
    """
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, File) and result == "container":
        return value
    if not isinstance(value, (str, int, float)) or (result == "container" and value != ""):
        raise DataApiError(1708)
    if value == "":
        return ""
    if result == "number":
        return _accept_number(value)
    if result in ("date", "timeStamp", "time"):
        return _accept_moment(str(value), result, parse_day)
    return value if isinstance(value, str) else f"{value}"


def _pattern(dateformats: int, locale: DatePattern) -> DatePattern:
    return {DATEFORMATS_US: dates.US, DATEFORMATS_LOCALE: locale, DATEFORMATS_ISO: dates.ISO}[dateformats]


def _accept_number(value: str | int | float) -> Value:
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, float) and abs(value) == float("inf"):
        raise DataApiError(502)
    return value  # text typed into a number field stays text, as in FileMaker


def _accept_moment(text: str, result: str, parse_day: Callable[[str], date | None]) -> str:
    if result == "time":
        if parse_time_seconds(text) is None:
            raise DataApiError(501)
        return text
    day_text, _, time_text = text.replace("T", " ", 1).partition(" ")
    day = parse_day(day_text)
    if day is None or (time_text and parse_time_seconds(time_text) is None):
        raise DataApiError(500)
    us_date = f"{day.month:02}/{day.day:02}/{day.year:04}"
    return us_date if result == "date" else f"{us_date} {time_text or '00:00:00'}"
