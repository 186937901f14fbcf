r"""The language of FileMaker find criteria: one text for one field, read into one of a few tests.

Text is searched by words: `new cast` finds "Newcastle, New Lambton", `=new` whole words only, `==New York`
the whole field, `"new york"` a phrase. `*` is any run of characters, `@` one letter or digit, `#` one digit,
`\` takes the next character literally. All fields: `=` empty, `*` not empty, `!` duplicates, `<` `>` `<=`
`>=`, `a...b` ranges; dates and times: `//` today, `?` unreadable, `2024`, `3/2024`, `*/*/2024`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.simulator import moments
from local.simulator.errors import DataApiError
from local.simulator.index import KeyRange
from local.simulator.values import Value, fold, parse_number


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
    """Any other test, asked of every value that is not empty."""

    test: Callable[[Value], bool]


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
_WILDCARDS: Final = {"*": r"\S*", "@": r"\w", "#": r"\d"}
_WILDCARDS_IN_FIELD: Final = {**_WILDCARDS, "*": ".*"}
# Escaped characters hide in a private-use block while a criterion is taken apart: no operator sees them.
_ESCAPED_BASE: Final = 0xF0000


def read_criterion(text: str, result: str) -> Criterion:
    """Read the criterion for a field of the given result type.

    Raises DataApiError: 500 or 501 when a date or time criterion cannot be read.
    """
    if whole := _WHOLE_CRITERION.get(text.strip()):
        return whole
    criterion = _hide_escaped(text.strip().removeprefix("~"))
    for operator in _COMPARISONS:
        if criterion.startswith(operator):
            return _comparison(operator, criterion[len(operator) :].strip(), result)
    is_moment = result in moments.RESULTS
    if criterion.startswith("=="):
        return _equals(criterion[2:], result)
    bounds = _RANGE.split(criterion)
    if len(bounds) == 2 and any(bound.strip() for bound in bounds):
        return _between(bounds[0].strip(), bounds[1].strip(), result)
    if result == "number" or is_moment:
        return _equals(criterion.removeprefix("=").strip(), result)
    if criterion.startswith("="):
        return _words(criterion[1:], whole_words=True)
    return _words(criterion, whole_words=False)


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
    if result in moments.RESULTS and (parts := moments.wildcard_test(operand, result)):
        return Scan(parts)
    low, high = _key_interval(operand, result)
    return KeyRange(low=low, high=high)


def _key_interval(operand: str, result: str) -> tuple[object, object]:
    """Return the lowest and highest key that the operand stands for: `2024` is a year of days."""
    literal = _show_escaped(operand)
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
    if not any(wildcard in operand for wildcard in _WILDCARDS):
        folded = fold(_show_escaped(operand.strip('"')))
        return KeyRange(low=folded, high=folded)
    pattern = re.compile(_pattern(operand, _WILDCARDS_IN_FIELD), re.DOTALL)
    return Scan(lambda value: pattern.fullmatch(fold(str(value))) is not None)


def _words(operand: str, *, whole_words: bool) -> Criterion:
    """Test that every word or quoted phrase of the operand begins (or is) a word of the field."""
    patterns = []
    for quoted, plain in re.findall(r'"([^"]*)"?|([^"]+)', operand):
        literal_or_wild = _words_of(quoted) if quoted else _words_of(plain)
        if quoted:
            patterns.append(r"\W+".join(_pattern(word, {}) for word in literal_or_wild))
        else:
            patterns += [_pattern(word, _WILDCARDS) for word in literal_or_wild]
    end = r"(?!\w)" if whole_words else ""
    compiled = [re.compile(rf"(?<!\w){pattern}{end}") for pattern in patterns if pattern]
    if not compiled:  # punctuation alone is in no index
        return Scan(lambda _value: False)

    def has_all_words(value: Value) -> bool:
        text = fold(str(value))
        return all(pattern.search(text) for pattern in compiled)

    return Scan(has_all_words)


def _words_of(text: str) -> list[str]:
    """Split at what separates words in an index; wildcards stay with their word."""
    shown = "".join(
        character if not _is_escaped(character) or chr(ord(character) - _ESCAPED_BASE).isalnum() else " "
        for character in text
    )
    return re.findall(r"[\w*@#\U000F0000-\U000FFFFF]+", shown)


def _pattern(text: str, wildcards: dict[str, str]) -> str:
    parts = [wildcards.get(character) or re.escape(fold(_show_escaped(character))) for character in text]
    return "".join(parts)


def _hide_escaped(text: str) -> str:
    def hide(match: re.Match[str]) -> str:
        code = ord(match.group(1))
        return chr(_ESCAPED_BASE + code) if code < 0x10000 else match.group(1)

    return re.sub(r"\\(.)", hide, text, flags=re.DOTALL)


def _show_escaped(text: str) -> str:
    return "".join(chr(ord(character) - _ESCAPED_BASE) if _is_escaped(character) else character for character in text)


def _is_escaped(character: str) -> bool:
    return ord(character) >= _ESCAPED_BASE and ord(character) < _ESCAPED_BASE + 0x10000
