r"""Regular expressions for find criteria in text: words, phrases, wildcards, escaped characters.

Any number of stars is matched in time proportional to pattern times text: between two stars the first match is
as good as any other, so no group is tried again (`(?>...)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..data.values import fold

_IN_WORD: Final = r"\S*"
_IN_FIELD: Final = r".*"
_ONE_CHARACTER: Final = {"@": r"\w", "#": r"\d"}
_TOKENS: Final = re.compile(r'(\*?)"([^"]*)"?|([^"]+?)(?=\*?"|$)', re.DOTALL)
_WORDS: Final = re.compile(r"[\w*@#]+")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_WITH_MEANING: Final = '\\=!<>≤≥…@#*?"~/.{} '
# While a criterion is taken apart, escaped characters hide as second halves of surrogate pairs: no operator sees them,
# and unlike the characters of a private-use block they are in no text that anybody can type.
_HALVES: Final = [chr(0xDC00 + place) for place in range(len(_WITH_MEANING))]
_HIDE: Final = dict(zip(_WITH_MEANING, _HALVES, strict=True))
_SHOW: Final = str.maketrans(dict(zip(_HALVES, _WITH_MEANING, strict=True)))
_NO_CHARACTERS: Final = str.maketrans(dict.fromkeys(_HALVES, "\N{REPLACEMENT CHARACTER}"))


def hide_escaped(text: str) -> str:
    """Return the criterion with every escaped character that has a meaning out of sight."""
    return _ESCAPED.sub(lambda match: _HIDE.get(match[1], match[1]), text.translate(_NO_CHARACTERS))


def show_escaped(text: str) -> str:
    """Return the text with the hidden characters as themselves."""
    return text.translate(_SHOW)


def has_wildcard(text: str) -> bool:
    """Say whether the text has a wildcard that is not escaped."""
    return any(character in "*@#" for character in text)


def whole_field(text: str) -> re.Pattern[str]:
    """Return the pattern that a whole folded field must match."""
    return re.compile(_glob(text, _IN_FIELD, is_anchored=True), re.DOTALL)


def words(text: str, *, is_whole: bool) -> Iterator[re.Pattern[str]]:
    """Yield a pattern for each word or phrase, all of which a folded field must have somewhere."""
    end = r"(?!\w)" if is_whole else ""
    for anywhere, quoted, plain in _TOKENS.findall(text):
        if quoted:
            phrase = r"\W+".join(_literal(word) for word in _words_of(quoted))
            if phrase:
                yield re.compile(phrase if anywhere else rf"(?<!\w){phrase}{end}")
        else:
            for word in _words_of(plain):
                yield re.compile(rf"(?<!\w){_glob(word, _IN_WORD, is_anchored=is_whole)}{end}")


def _glob(text: str, run: str, *, is_anchored: bool) -> str:
    """Return the pattern of a text with stars; when its end is anchored, the last part is looked for from behind."""
    first, *others = ["".join(map(_one, part)) for part in text.split("*")]
    if not others:
        return first
    *between, last = others
    middle = "".join(rf"(?>{run}?{part})" for part in between if part)
    return first + middle + (f"{run}{last}" if is_anchored else rf"(?>{run}?{last})")


def _one(character: str) -> str:
    return _ONE_CHARACTER.get(character) or _literal(character)


def _literal(text: str) -> str:
    return re.escape(fold(show_escaped(text)))


def _words_of(text: str) -> list[str]:
    """Split at what separates words in an index, escaped characters too; wildcards stay with their word."""
    return _WORDS.findall(text)
