"""Names that somebody may have meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' (nearest: …)' with the known name most like `name`, empty when none is near."""
    near = get_close_matches(name, list(known), n=1)
    return f" (nearest: {near[0]})" if near else ""


def is_misspelt(name: str, known: Iterable[str]) -> bool:
    """Tell whether a name that is not known is so like a known one that this must be meant."""
    return bool(get_close_matches(name.casefold(), [other.casefold() for other in known], n=1, cutoff=0.85))
