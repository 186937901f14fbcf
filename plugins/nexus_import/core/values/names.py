"""Names of people that somebody wrote as one text, and the key that such a name makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from nexus_import.core.values.ids import new_nexus_id
from nexus_import.core.values.text import fold_name, read_words

NamePart = Literal["first_name", "last_name", "organisation"]
_ORGANISATION = re.compile(r"\s+[-\u2013\u2014]\s+|\s*[(\[]")
"""What stands between a person and the organisation: a dash between blanks, or a bracket."""


@dataclass(frozen=True)
class NameParts:
    """The parts of a name; None where the text has no such part."""

    first_name: str | None
    last_name: str | None
    organisation: str | None


def split_name(value: object) -> NameParts:
    """Take apart `First Last - Organisation`, `First Last (Organisation)` or `Last, First`.

    Of several words the first is the first name, the rest the last name; a single word is a last name.
    """
    person, organisation = _split(read_words(value), _ORGANISATION)
    last, first = _split(person, re.compile(r"\s*,\s*"))
    if not first:
        first, last = _split(person, re.compile(r"\s+"))
        if not last:
            first, last = "", first
    return NameParts(first or None, last or None, organisation.rstrip(")] ") or None)


def read_name_part(value: object, part: NamePart) -> str | None:
    """Return one part of a name that is written as one text."""
    found: str | None = getattr(split_name(value), part)
    return found


def read_name_key(value: object) -> str | None:
    """Return the key that a name makes: case, punctuation and blanks do not matter; None when empty.

    A key is shown in logs and findings. A name must not be, so that the key is made of it and does not hold it.
    """
    folded = fold_name(value)
    return str(new_nexus_id("name", folded)) if folded else None


def _split(text: str, separator: re.Pattern[str]) -> tuple[str, str]:
    parts = separator.split(text, maxsplit=1)
    return parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""
