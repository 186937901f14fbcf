"""Whether a value fits its column as it is: nothing is cut, rounded or wrapped to make it fit."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from nexus_import.core.values.text import UnreadableValue

_TYPE = re.compile(r"([a-z ]+[a-z])(?:\(([0-9]+)(?:,(-?[0-9]+))?\))?")
_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
_MAX_DIGITS_BEFORE_POINT, _MAX_DIGITS_AFTER_POINT = 131_072, 16_383
"""PostgreSQL's limits for a numeric without a precision of its own."""
_MAX_DOUBLE_DIGITS = 15
"""Digits that a double keeps exactly."""


def fit(value: object, column_type: str) -> None:
    """Raise `UnreadableValue` when the column cannot hold the value exactly; `column_type` as PostgreSQL writes it."""
    kind, size, scale = _parts(column_type)
    if isinstance(value, str) and kind in ("character varying", "character") and size and len(value) > int(size):
        raise UnreadableValue(f"is longer than {size} characters")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return
    number = Decimal(value)
    if bits := _BITS.get(kind):
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise UnreadableValue("is larger than the column holds")
    elif kind == "numeric":
        _fit_numeric(number, int(size) if size else None, int(scale or 0))
    elif kind == "double precision" and len(number.as_tuple().digits) > _MAX_DOUBLE_DIGITS:
        raise UnreadableValue(f"has more than {_MAX_DOUBLE_DIGITS} digits, which the column would round")


@cache
def _parts(column_type: str) -> tuple[str, str | None, str | None]:
    match = _TYPE.fullmatch(column_type)
    return (match[1], match[2], match[3]) if match else ("", None, None)


def _fit_numeric(number: Decimal, precision: int | None, scale: int) -> None:
    before = max(number.adjusted() + 1, 0) if number else 0
    after = _decimals(number)
    most_before = _MAX_DIGITS_BEFORE_POINT if precision is None else precision - scale
    most_after = _MAX_DIGITS_AFTER_POINT if precision is None else scale
    if before > most_before:
        raise UnreadableValue(f"has more than {most_before} digits before the point")
    if after > most_after:
        raise UnreadableValue(f"has more than {most_after} digits after the point, which the column would round")


def _decimals(number: Decimal) -> int:
    """Return how many digits stand after the point, zeros at the end apart."""
    _, digits, exponent = number.as_tuple()
    if not number or not isinstance(exponent, int):
        return 0
    written = "".join(str(digit) for digit in digits)
    return max(-exponent - (len(written) - len(written.rstrip("0"))), 0)
