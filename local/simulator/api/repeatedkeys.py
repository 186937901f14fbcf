"""JSON objects with one key more than once, as FileMaker writes them for two portals of the same name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class RepeatedKeys(dict[str, Any]):
    """A mapping whose `items`, and so its JSON text, hold all pairs it was made of."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = list(pairs)
        super().__init__(self._pairs)

    def items(self) -> Any:
        """Return every pair, repeated keys too."""
        return self._pairs


def by_key(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of the pairs that loses none of them."""
    listed = list(pairs)
    plain = dict(listed)
    return plain if len(plain) == len(listed) else RepeatedKeys(listed)
