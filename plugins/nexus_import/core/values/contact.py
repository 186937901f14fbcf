"""Phone numbers, e-mail addresses and post codes: always text, so that a leading 0 and a + are kept.

None of them is dropped because it looks wrong: it is stored as FileMaker has it and named in a warning. Only a flag
in the place of an e-mail address is not stored: it is no address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nexus_import.core.values.text import UnusualValue, read_text, read_words

MIN_DIGITS, MAX_DIGITS = 6, 15
"""Digits of a number that can be dialled: `13 11 14`, and the longest of the international plan (E.164)."""

_SEPARATORS = r"[ .\-/()\u00a0\u2010-\u2015]*"
_NUMBER = re.compile(rf"\+?\(?[0-9](?:{_SEPARATORS}[0-9])*")
_TRUNK_ZERO = re.compile(r"(?<=[0-9 ])\(0\)")
_LABEL_EDGE = " \t\n:;,-/|\u2013\u2014"
_DOMESTIC = re.compile(r"0[2-578][0-9]{8}|1[38]00[0-9]{6}|190[0-9]{7}|13[0-9]{4}|[2-9][0-9]{7}")
_INTERNATIONAL = re.compile(r"(?:\+|0011)[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+\.[^\s@,;<>\".]+")
_FLAG = re.compile(r"[01]|yes|no", re.IGNORECASE)
_POST_CODE = re.compile(r"[0-9]{4}")


@dataclass(frozen=True)
class Phone:
    """A number as it is dialled, and what stands with it: a relative's name, an extension."""

    number: str
    label: str = ""

    def __str__(self) -> str:
        """Write the number, then the label."""
        if not self.label:
            return self.number
        return f"{self.number} {self.label}" if self.label[0].isalpha() else f"{self.number}, {self.label}"


def split_phone(value: object) -> Phone | None:
    """Return a phone number without separators and the label beside it; None when empty.

    A number that cannot be dialled, or more than one, is unusual: `UnusualValue` holds the text as it is.
    """
    text = read_text(value)
    if text is None:
        return None
    plain = _TRUNK_ZERO.sub("", read_words(text)) if "+" in text else read_words(text)
    found = [match for match in _NUMBER.finditer(plain) if len(_digits(match[0])) >= MIN_DIGITS]
    if not found:
        raise _unusual("is no phone number", text)
    if len(found) > 1:
        raise _unusual("holds more than one phone number", text)
    number = ("+" if found[0][0].startswith("+") else "") + _digits(found[0][0])
    if why := _why_impossible(number, is_a_number=not isinstance(value, str)):
        raise _unusual(why, text)
    return Phone(number, _label(plain[: found[0].start()], plain[found[0].end() :]))


def read_phone(value: object) -> str | None:
    """Return a phone number and its label as text; see `split_phone`."""
    phone = split_phone(value)
    return None if phone is None else str(phone)


def read_email(value: object) -> str | None:
    """Return an e-mail address as it is written; None when empty."""
    text = read_text(value)
    if text is None:
        return None
    if _FLAG.fullmatch(text):
        raise UnusualValue("is a flag, and no e-mail address")
    if not _EMAIL.fullmatch(text):
        raise _unusual("is no e-mail address", text)
    return text


def read_post_code(value: object) -> str | None:
    """Return a post code of four digits as text; None when empty."""
    text = read_text(value)
    if text is None:
        return None
    if not _POST_CODE.fullmatch(text):
        raise _unusual("is no post code of four digits", text)
    return text


def _why_impossible(number: str, *, is_a_number: bool) -> str | None:
    digits = number.lstrip("+")
    if len(digits) > MAX_DIGITS and not number.startswith("0011"):
        return f"has more than {MAX_DIGITS} digits"
    if len(set(digits)) == 1:
        return "is the same digit over and over"
    if is_a_number and re.fullmatch(r"[2-578][0-9]{8}", digits):
        return "came as a number, which loses a leading 0"
    if not (_DOMESTIC.fullmatch(number) or _INTERNATIONAL.fullmatch(number)):
        return "has not the digits of a phone number"
    return None


def _label(before: str, after: str) -> str:
    words = " ".join(part for part in (before.strip(_LABEL_EDGE), after.strip(_LABEL_EDGE)) if part)
    inner = words[1:-1]
    if words.startswith("(") and words.endswith(")") and not set(inner) & set("()"):
        return inner.strip(_LABEL_EDGE)
    return words


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


def _unusual(rule: str, text: str) -> UnusualValue:
    return UnusualValue(rule, text, is_stored=True)
