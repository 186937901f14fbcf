"""Text: what every other normaliser starts from, the two errors they raise, and the spelling that names compare in."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

_LINE_END = re.compile("\r\n|[\r\x0b\x0c]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_WHITE_SPACE = re.compile(r"\s+")
_LEFT_OUT = frozenset(".'\u2018\u2019\u02bc`\u00b4")
"""Points and apostrophes: `Dr. O'Brien` is `Dr OBrien`."""


class UnreadableValue(ValueError):
    """The value breaks the rule of its type; `rule` says which, without the value itself (it may be health data)."""

    def __init__(self, rule: str) -> None:
        """Keep the rule as the message."""
        super().__init__(rule)
        self.rule = rule


class UnusualValue(UnreadableValue):
    """The value can be read and is not what such a column usually holds.

    With `is_stored` the import goes on with `value`. Without, a row that Nexus has keeps its own value and a new
    row gets `value`.
    """

    def __init__(self, rule: str, value: object = None, *, is_stored: bool = False) -> None:
        """Keep what is done with the value."""
        super().__init__(rule)
        self.value = value
        self.is_stored = is_stored


def read_text(value: object) -> str | None:
    """Return text that PostgreSQL can hold, None when empty.

    Line ends (also FileMaker's vertical tab) become newlines; U+0000 and the other characters that no screen shows
    are left out, but for tabs; so are blanks at both ends. Numbers are written out: 1E+3 is `1000`.
    """
    if value is None or value == "":
        return None
    if type(value) is str and value.isprintable():  # nearly every value: nothing to leave out but blanks
        return value.strip() or None
    text = _LINE_END.sub("\n", _CONTROL.sub("", _written(value))).strip()
    if _HALF_CHARACTER.search(text):
        raise UnreadableValue("holds half of a character (an emoji that was cut)")
    return text or None


def read_words(value: object) -> str:
    """Return text with single blanks between its words, "" when empty."""
    return _WHITE_SPACE.sub(" ", read_text(value) or "")


def fold_name(value: object) -> str:
    """Return a name in the spelling that look-ups compare: case, punctuation and runs of blanks do not matter.

    A name of nothing but punctuation stays as it is, so that it is not like every other one.
    """
    return _fold(read_words(value))


@lru_cache(maxsize=4096)
def _fold(words: str) -> str:
    name = unicodedata.normalize("NFC", words.casefold())
    # what stood apart may go together now: C, a point, a cedilla
    plain = unicodedata.normalize("NFC", "".join(_plain(character) for character in name))
    return _WHITE_SPACE.sub(" ", plain).strip() or name


def _plain(character: str) -> str:
    if character in _LEFT_OUT:
        return ""
    return " " if unicodedata.category(character).startswith("P") else character


def _written(value: object) -> str:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if not isinstance(value, Decimal):
        return str(value)
    # Nobody's number has thousands of digits; written out it would fill the memory.
    return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 1_000 else str(value)
