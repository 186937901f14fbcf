"""Dates, times and instants. Months come first or the form is ISO; day-first is never guessed.

FileMaker's times are the clinic's wall time, without a zone: the hour that a clock change skips does not exist, and
the hour that it repeats is read as its first pass (daylight-saving time).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from nexus_import.core.values.text import UnreadableValue, read_text

DateForm = Literal["us", "iso", "us_or_iso"]
FIRST_YEAR, LAST_YEAR = 1850, 2199
"""No clinic has dates outside; 0024 is a year of two digits, 1212 a slip."""
END_OF_DAY = timedelta(hours=24)

_US_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2}")
_MIDNIGHT = re.compile(r"[T ]+00?:00(?::00(?:\.0+)?)?\Z")
_TIME = re.compile(
    r"(?:(1) day, )?([0-9]{1,3}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?)?(?: ?([AP])\.?M\.?)?", re.I
)
_TIMESTAMP = re.compile(r"([0-9/-]+)(?:T| +)([0-9:., ]+(?:[AP]\.?M\.?)?)(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?", re.I)
_FORMS = {
    "us": "MM/DD/YYYY",
    "iso": "YYYY-MM-DD",
    "us_or_iso": "MM/DD/YYYY or YYYY-MM-DD",
}


def read_date(value: object, form: DateForm = "us_or_iso") -> date | None:
    """Return a date; None when empty. A time of day behind it must be midnight: another one would be lost."""
    text = read_text(value)
    return None if text is None else _day(_MIDNIGHT.sub("", text), form)


def read_time(value: object) -> timedelta | None:
    """Return a time of day as the distance from midnight; 24:00:00 and `1 day, 0:00:00` are the end of the day."""
    text = read_text(value)
    return None if text is None else _clock(text)


def read_wall_time(day: object, clock: object, zone: ZoneInfo, form: DateForm = "us_or_iso") -> datetime | None:
    """Return the UTC instant of a local day and time; None when the day is empty."""
    on_day = read_date(day, form)
    if on_day is None:
        if read_text(clock) is not None:
            raise UnreadableValue("has a time but no date")
        return None
    return _instant(on_day, read_time(clock) or timedelta(), zone)


def read_timestamp(value: object, zone: ZoneInfo, form: DateForm = "us_or_iso") -> datetime | None:
    """Return the UTC instant of a FileMaker timestamp; None when empty.

    `MM/DD/YYYY HH:MM:SS`, or ISO with a T or a blank between. An offset (`+10:00`, `Z`) says the instant itself;
    without one it is the clinic's wall time.
    """
    text = read_text(value)
    if text is None:
        return None
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        _day(text, form)
        raise UnreadableValue("has a date but no time")
    on_day, distance = _day(match[1], form), _clock(match[2].strip())
    if match[3] is None:
        return _instant(on_day, distance, zone)
    return (datetime.combine(on_day, time()) + distance).replace(tzinfo=_offset(match[3])).astimezone(UTC)


def local_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a naive wall time in `zone`."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise UnreadableValue("is in the hour that the change to daylight-saving time skips")
    return instant


def _day(text: str, form: DateForm) -> date:
    if form != "iso" and (match := _US_DATE.fullmatch(text)):
        month, day, year = (int(part) for part in match.groups())
    elif form != "us" and (match := _ISO_DATE.fullmatch(text)):
        year, month, day = (int(part) for part in match.groups())
    elif _SHORT_YEAR.fullmatch(text):
        raise UnreadableValue("has a year of two digits: write four")
    elif _TIMESTAMP.fullmatch(text):
        raise UnreadableValue("has a time of day, which a date cannot hold")
    else:
        raise UnreadableValue(f"is not a date in the form {_FORMS[form]}")
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise UnreadableValue("is not a day of the calendar (months come first)") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableValue(f"is outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def _clock(text: str) -> timedelta:
    match = _TIME.fullmatch(text)
    if match is None:
        raise UnreadableValue("is not a time in the form HH:MM:SS")
    hours, minutes, seconds = int(match[2]), int(match[3]), int(match[4] or 0)
    if half := match[6]:
        if not 1 <= hours <= 12:
            raise UnreadableValue("is not a time of day")
        hours = hours % 12 + (12 if half in "Pp" else 0)
    distance = timedelta(
        days=int(match[1] or 0),
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=int((match[5] or "0").ljust(6, "0")),
    )
    if minutes > 59 or seconds > 59 or distance > END_OF_DAY:
        raise UnreadableValue("is not a time of day")
    return distance


def _instant(day: date, distance: timedelta, zone: ZoneInfo) -> datetime:
    return local_instant(datetime.combine(day, time()) + distance, zone)


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if hours > 15 or minutes > 59:
        raise UnreadableValue("has an offset from UTC that no place has")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))
