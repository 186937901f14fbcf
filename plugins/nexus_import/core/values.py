"""Normalisers: small pure functions that turn a FileMaker value into a Nexus value.

Each takes the value as the Data API gave it (text, number, or "" for empty) and returns the Python value for
the column, or None for empty. A value that cannot be read raises `UnreadableValue`: it becomes a finding, never
a silent NULL. Sources of the rules: FileMaker's Data API guide for formats, the clinic's wall time for zones.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

NEXUS_IMPORT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:nexus-import")
"""Namespace of the version-5 ids given to rows that are new in Nexus."""

_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2})(?:\.\d+)?)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_WHITE_SPACE = re.compile(r"\s+")
_MAX_INTEGER = 2**31 - 1
"""The largest whole number of PostgreSQL's integer."""


class UnreadableValue(ValueError):
    """The value breaks the rule of its type; `rule` says which, without the value itself (it may be health data)."""

    def __init__(self, rule: str) -> None:
        """Keep the rule as the message."""
        super().__init__(rule)
        self.rule = rule


def read_text(value: object) -> str | None:
    """Return text with line ends as newline and without U+0000, which PostgreSQL refuses; None when empty."""
    if value is None or value == "":
        return None
    text = str(value).replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if _HALF_CHARACTER.search(text):
        raise UnreadableValue("holds half of a character (an emoji that was cut)")
    return text or None


def read_filemaker_id(value: object) -> str | None:
    """Return a FileMaker id in the one spelling that is compared: lower case, no blanks."""
    text = read_text(value)
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))  # one spelling, also of one without hyphens
    except ValueError:
        return text.lower()


def read_uuid(value: object) -> uuid.UUID | None:
    """Return a UUID whatever its case; None when empty."""
    text = read_text(value)
    if text is None:
        return None
    # Python's own reading takes forms that PostgreSQL refuses.
    if not _UUID.fullmatch(text):
        raise UnreadableValue("is not a UUID")
    return uuid.UUID(text)


def read_date(value: object) -> date | None:
    """Return a date from US order (MM/DD/YYYY) or ISO; day-first is never guessed."""
    text = read_text(value)
    if text is None:
        return None
    if match := _US_DATE.fullmatch(text):
        month, day, year = (int(part) for part in match.groups())
    elif match := _ISO_DATE.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    else:
        raise UnreadableValue("is not a date in the form MM/DD/YYYY or YYYY-MM-DD")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise UnreadableValue("is not a day of the calendar (months come first)") from error


def read_time(value: object) -> timedelta | None:
    """Return a time of day as the distance from midnight; 24:00:00 is the end of the day."""
    text = read_text(value)
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise UnreadableValue("is not a time in the form HH:MM:SS")
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    distance = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if minutes > 59 or seconds > 59 or distance > timedelta(hours=24):
        raise UnreadableValue("is not a time of day")
    return distance


def read_wall_time(day: object, clock: object, zone: ZoneInfo) -> datetime | None:
    """Return the UTC instant of a local day and time; None when the day is empty.

    The hour that a clock change repeats is read as its first pass (daylight-saving time). A time that the
    change skips does not exist and raises `UnreadableValue`.
    """
    on_day = read_date(day)
    if on_day is None:
        if read_text(clock) is not None:
            raise UnreadableValue("has a time but no date")
        return None
    distance = read_time(clock) or timedelta()
    try:
        return local_instant(datetime.combine(on_day, time()) + distance, zone)
    except OverflowError as error:
        raise UnreadableValue("is outside the calendar") from error


def local_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a naive wall time in `zone`."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise UnreadableValue("is in the hour that the change to daylight-saving time skips")
    return instant


def read_integer(value: object) -> int | None:
    """Return a whole number; None when empty."""
    number = read_number(value)
    if number is None:
        return None
    if abs(number) > _MAX_INTEGER:
        raise UnreadableValue("is larger than a column holds")
    if number != number.to_integral_value():
        raise UnreadableValue("is not a whole number")
    return int(number)


def read_number(value: object) -> Decimal | None:
    """Return a decimal number; None when empty. FileMaker may hold text in a number field."""
    text = read_text(value)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise UnreadableValue("is not a number") from error
    # Decimal takes underscores between digits, as Python's own numbers have them.
    if not number.is_finite() or "_" in text:
        raise UnreadableValue("is not a number")
    return number


def read_sex(value: object) -> str:
    """Return the application's code: M, F, O (other) or U (unknown)."""
    text = (read_text(value) or "").lower()
    if text in {"m", "male"}:
        return "M"
    if text in {"f", "female"}:
        return "F"
    if text in {"", "u", "unknown"}:
        return "U"
    return "O"


def read_code(value: object) -> str | None:
    """Return a choice as the application spells it: lower case, blanks as underscores."""
    text = read_text(value)
    return None if text is None else _WHITE_SPACE.sub("_", text.lower())


def fold_name(value: object) -> str:
    """Return a name in the spelling that look-ups compare: case and runs of blanks do not matter."""
    return _WHITE_SPACE.sub(" ", read_text(value) or "").casefold()


def new_nexus_id(entity: str, filemaker_id: str) -> uuid.UUID:
    """Return the Nexus id of a row that is new: the same for the same FileMaker id, in every run."""
    return uuid.uuid5(NEXUS_IMPORT_NAMESPACE, f"{entity}:{filemaker_id}")
