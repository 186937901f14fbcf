r"""The language of FileMaker find criteria: one text for one field, read into one of a few tests.

Text is searched by words: `new cast` finds "Newcastle, New Lambton", `=new` whole words only, `==New York`
the whole field, `=="a@b"` the whole field without wildcards, `"new york"` a phrase that begins a word,
`*"ew yor"` one that stands anywhere. `*` is any run of characters, `@` one letter or digit, `#` one digit, `\`
takes the next character literally. All fields: `=` empty, `*` not empty, `!` duplicates, `<` `>` `<=` `>=`,
`a...b` ranges; dates and times: `//` today, `?` unreadable, `2024`, `3/2024`, `*/*/2024`, `{1..6}/*/2024`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..data.index import KeyRange
from ..data.values import Key, fold, parse_number
from ..errors import DataApiError
from . import moments, patterns
from .patterns import hide_escaped, show_escaped


@dataclass(frozen=True)
class Empty:
    """The field has no value."""


@dataclass(frozen=True)
class NotEmpty:
    """The field has a value."""


@dataclass(frozen=True)
class Duplicates:
    """Another record has the same value."""


@dataclass(frozen=True)
class Unreadable:
    """The value is no date, time or number although the field is one."""


@dataclass(frozen=True)
class Scan:
    """Any other test, asked of the index key of every value that has one."""

    test: Callable[[Any], bool]


Criterion = Empty | NotEmpty | Duplicates | Unreadable | KeyRange | Scan

_WHOLE_CRITERION: Final[dict[str, Criterion]] = {
    "=": Empty(),
    "==": Empty(),
    "*": NotEmpty(),
    "!": Duplicates(),
    "?": Unreadable(),
}
_COMPARISONS: Final = ("<=", ">=", "≤", "≥", "<", ">")
_RANGE: Final = re.compile(r"\.{2,3}|…")


def read_criterion(text: str, result: str) -> Criterion:
    """Read the criterion for a field of the given result type.

    Raises DataApiError: 500, 501 or 502 when a date, time or number criterion cannot be read.
    """
    if whole := _WHOLE_CRITERION.get(text.strip()):
        return whole
    criterion = hide_escaped(text.strip().removeprefix("~"))
    for operator in _COMPARISONS:
        if criterion.startswith(operator):
            return _comparison(operator, criterion[len(operator) :].strip(), result)
    if criterion.startswith("=="):
        return _equals(criterion[2:].strip(), result)
    if parts := moments.parts_test(criterion.removeprefix("=").strip(), result):
        return Scan(parts)
    bounds = _RANGE.split(criterion)
    if len(bounds) == 2 and any(bound.strip() for bound in bounds):
        return _between(bounds[0].strip(), bounds[1].strip(), result)
    if result == "number" or result in moments.RESULTS:
        return _equals(criterion.removeprefix("=").strip(), result)
    if criterion.startswith("="):
        return _words(criterion[1:], is_whole=True)
    return _words(criterion, is_whole=False)


def _comparison(operator: str, operand: str, result: str) -> Criterion:
    low, high = _key_interval(operand, result)
    if operator in ("<", "<=", "≤"):
        return KeyRange(high=low if operator == "<" else high, high_strict=operator == "<")
    return KeyRange(low=high if operator == ">" else low, low_strict=operator == ">")


def _between(low_text: str, high_text: str, result: str) -> Criterion:
    low = _key_interval(low_text, result)[0] if low_text else None
    high = _key_interval(high_text, result)[1] if high_text else None
    return KeyRange(low=low, high=high)


def _equals(operand: str, result: str) -> Criterion:
    if result not in ("number", *moments.RESULTS):
        return _whole_field(operand)
    if parts := moments.parts_test(operand, result):
        return Scan(parts)
    low, high = _key_interval(operand, result)
    return KeyRange(low=low, high=high)


def _key_interval(operand: str, result: str) -> tuple[Key, Key]:
    """Return the lowest and highest key that the operand stands for: `2024` is a year of days."""
    literal = show_escaped(operand)
    if result in moments.RESULTS:
        return moments.key_interval(literal, result)
    if result == "number":
        number = parse_number(literal)
        if number is None:
            raise DataApiError(502)
        return number, number
    folded = fold(literal)
    return folded, folded


def _whole_field(operand: str) -> Criterion:
    is_quoted = operand.startswith('"')
    if is_quoted or not patterns.has_wildcard(operand):
        folded = fold(show_escaped(operand.strip('"')))
        return KeyRange(low=folded, high=folded)
    matches = patterns.whole_field(operand).fullmatch
    return Scan(lambda key: matches(key) is not None)


def _words(operand: str, *, is_whole: bool) -> Criterion:
    searches = [pattern.search for pattern in patterns.words(operand, is_whole=is_whole)]
    if not searches:  # punctuation alone is in no index
        return Scan(lambda _key: False)
    if len(searches) == 1:
        search = searches[0]
        return Scan(lambda key: search(key) is not None)
    return Scan(lambda key: all(search(key) for search in searches))
