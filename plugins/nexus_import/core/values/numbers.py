"""Numbers, always as decimals: a binary fraction would change amounts."""

from __future__ import annotations

import re
from decimal import Decimal

from nexus_import.core.values.text import UnreadableValue, read_text

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]{1,6})?", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[ ,'][0-9]{3})+(?:\.[0-9]*)?|[+-]?[0-9]+,[0-9]+")
MAX_INTEGER = 2**31 - 1
"""The largest whole number of PostgreSQL's integer."""


def read_number(value: object) -> Decimal | None:
    """Return a decimal number; None when empty. FileMaker may hold text in a number field.

    A comma is refused: it parts thousands in one place and decimals in another.
    """
    text = read_text(value)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        if _GROUPED.fullmatch(text):
            raise UnreadableValue("is not a number without doubt: write it without commas and blanks, as 1234.50")
        raise UnreadableValue("is not a number")
    return Decimal(text)


def read_integer(value: object) -> int | None:
    """Return a whole number; None when empty."""
    number = read_number(value)
    if number is None:
        return None
    if abs(number) > MAX_INTEGER:
        raise UnreadableValue("is larger than a column holds")
    if number != number.to_integral_value():
        raise UnreadableValue("is not a whole number")
    return int(number)
