"""FileMaker's finds and sorts worked out the slow way: every record looked at, no index, no regular expression."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Any], bool]


def fold(text: str) -> str:
    """Return the text without case and accents."""
    return "".join(
        character for character in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(character)
    )


def key_of(value: Any, kind: str) -> Any:
    """Return what a value is compared by; None when it is empty or not of its kind."""
    if value == "":
        return None
    if kind == "text":
        return fold(str(value))
    if kind == "number":
        if not isinstance(value, str):
            return value
        digits = "".join(character for character in value if character in "0123456789.-")
        try:
            return float(digits)
        except ValueError:
            return None
    try:
        month, day, year = (int(part) for part in value.split("/"))
        return date(year, month, day)
    except ValueError:
        return None


def found(rows: Sequence[Row], query: Sequence[Mapping[str, str]], kinds: Mapping[str, str]) -> list[Row]:
    """Return the rows of a find in creation order."""
    chosen: list[int] = []
    if all(request.get("omit") == "true" for request in query):
        chosen = list(range(len(rows)))
    for request in query:
        matching = {
            number
            for number, row in enumerate(rows)
            if all(
                matches(criterion, row[name], kinds[name], [other[name] for other in rows])
                for name, criterion in request.items()
                if name != "omit"
            )
        }
        if request.get("omit") == "true":
            chosen = [number for number in chosen if number not in matching]
        else:
            chosen = sorted({*chosen, *matching})
    return [rows[number] for number in chosen]


def ordered(rows: Sequence[Row], sort: Sequence[tuple[str, bool]], kinds: Mapping[str, str]) -> list[Row]:
    """Return rows sorted by (field, is descending), most significant first; empty, then unreadable, then values."""
    result = list(rows)
    for name, is_descending in reversed(sort):

        def place(row: Row, name: str = name) -> Any:
            value, key = row[name], key_of(row[name], kinds[name])
            return (0, 0) if value == "" else (1, 0) if key is None else (2, key)

        # From behind, so that equal rows keep their order downwards too.
        done: list[Row] = []
        for row in result:
            position = len(done)
            while position and _is_before(place(row), place(done[position - 1]), is_descending):
                position -= 1
            done.insert(position, row)
        result = done
    return result


def _is_before(one: Any, other: Any, is_descending: bool) -> bool:
    return bool(one > other) if is_descending else bool(one < other)


def matches(criterion: str, value: Any, kind: str, column: Sequence[Any]) -> bool:
    """Say whether a value meets a criterion of the kinds that `criteria` of the property test draws."""
    key = key_of(value, kind)
    if criterion in ("=", "=="):
        return bool(value == "")
    if criterion == "*":
        return bool(value != "")
    if criterion == "?":
        return bool(value != "" and key is None)
    if criterion == "!":
        return key is not None and sum(key_of(other, kind) == key for other in column) > 1
    if key is None:
        return False
    for operator, test in _COMPARISONS.items():
        if criterion.startswith(operator):
            return test(key, _operand(criterion[len(operator) :], kind))
    if "..." in criterion:
        low, high = criterion.split("...")
        return (not low or _operand(low, kind) <= key) and (not high or key <= _operand(high, kind))
    if kind != "text":
        return bool(key == _operand(criterion.lstrip("="), kind))
    if criterion.startswith('=="'):
        return bool(key == fold(criterion[3:-1]))
    if criterion.startswith("=="):
        return _globs(key, 0, fold(criterion[2:]), is_run=lambda _: True, is_end=lambda place: place == len(key))
    return _has_words(key, criterion)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": lambda key, operand: key <= operand,
    ">=": lambda key, operand: key >= operand,
    "<": lambda key, operand: key < operand,
    ">": lambda key, operand: key > operand,
}


def _operand(text: str, kind: str) -> Any:
    return key_of(text.strip(), kind)


def _has_words(text: str, criterion: str) -> bool:
    if criterion.startswith('"'):
        phrase = fold(criterion.strip('"')).split()
        return any(_phrase_at(text, place, phrase) for place in _word_starts(text))
    is_whole = criterion.startswith("=")
    words = fold(criterion.lstrip("=")).replace("-", " ").split()
    return bool(words) and all(_has_word(text, word, is_whole) for word in words)


def _has_word(text: str, word: str, is_whole: bool) -> bool:
    def is_end(place: int) -> bool:
        return not is_whole or place == len(text) or not text[place].isalnum()

    starts = range(len(text) + 1) if word[0] == "*" else _word_starts(text)
    return any(
        _globs(text, place, word, is_run=lambda character: character != " ", is_end=is_end)
        for place in starts
        if not (place and text[place - 1].isalnum())
    )


def _word_starts(text: str) -> list[int]:
    return [
        place
        for place, character in enumerate(text)
        if character.isalnum() and not (place and text[place - 1].isalnum())
    ]


def _phrase_at(text: str, place: int, phrase: Sequence[str]) -> bool:
    for number, word in enumerate(phrase):
        if number:
            gap = place
            while place < len(text) and not text[place].isalnum():
                place += 1
            if gap == place:
                return False
        if not text.startswith(word, place):
            return False
        place += len(word)
    return True


def _globs(text: str, place: int, pattern: str, *, is_run: Test, is_end: Callable[[int], bool]) -> bool:
    """Match a pattern with stars from one place on, by trying everything."""
    if not pattern:
        return is_end(place)
    first, rest = pattern[0], pattern[1:]
    if first == "*":
        if _globs(text, place, rest, is_run=is_run, is_end=is_end):
            return True
        return (
            place < len(text) and is_run(text[place]) and _globs(text, place + 1, pattern, is_run=is_run, is_end=is_end)
        )
    if place == len(text):
        return False
    character = text[place]
    fits = character.isdigit() if first == "#" else character.isalnum() if first == "@" else character == first
    return fits and _globs(text, place + 1, rest, is_run=is_run, is_end=is_end)
