"""Values of which the application knows a list: flags, codes, sex and title."""

from __future__ import annotations

from decimal import Decimal

from nexus_import.core.values.numbers import read_number
from nexus_import.core.values.text import UnreadableValue, UnusualValue, read_text, read_words

TITLES = ("Mr", "Mrs", "Ms", "Miss", "Dr", "Prof")
"""The application's list; its form refuses to save a patient with any other."""
_FLAGS = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
_SEXES = {
    "M": {"m", "male", "man", "boy"},
    "F": {"f", "female", "woman", "girl"},
    "O": {"o", "other", "x", "non-binary", "nonbinary", "non binary", "intersex", "indeterminate"},
    "U": {"", "u", "unknown", "not stated", "unspecified"},
}


def read_boolean(value: object) -> bool | None:
    """Return a flag: 1 or 0 as FileMaker has them, also yes and no; None when empty."""
    if isinstance(value, bool):
        return value
    word = read_words(value).lower()
    if not word:
        return None
    if word in _FLAGS:
        return _FLAGS[word]
    try:
        number = read_number(word)
    except UnreadableValue:
        number = None
    if number not in (Decimal(0), Decimal(1)):
        raise UnreadableValue("is no flag: it must be 1, 0 or empty")
    return number == 1


def read_sex(value: object) -> str:
    """Return the application's code: M, F, O (other) or U (unknown, also for an empty value).

    Any other word is unusual: it could be a slip for each of them.
    """
    word = read_words(value).lower().rstrip(".")
    for code, words in _SEXES.items():
        if word in words:
            return code
    raise UnusualValue("is none of male, female, other, unknown", "U")


def read_title(value: object) -> str | None:
    """Return a title as the application's list has it; None when empty. `mr.` is `Mr`; any other is unusual."""
    word = read_words(value).rstrip(". ").lower()
    if not word:
        return None
    for title in TITLES:
        if word == title.lower():
            return title
    raise UnusualValue(f"is none of {', '.join(TITLES)}")


def read_code(value: object) -> str | None:
    """Return a choice as the application spells it: lower case, blanks as underscores."""
    return read_words(read_text(value)).lower().replace(" ", "_") or None
