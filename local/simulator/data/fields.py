"""Where the values of a field stand: in the record itself, in its repetitions, or in rows related to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .record import Record
from .values import Value

_REPETITION: Final = re.compile(r"(.*)\((\d{1,6})\)", re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class FieldRef:
    """A field as a find or a sort names it: its result type and the names its values are stored under.

    `portal` is the key of the related rows that hold it; None for the record's own fields.
    """

    result: str
    stored: tuple[str, ...]
    portal: str | None = None
    is_first_row_only: bool = False

    @property
    def is_single(self) -> bool:
        """Whether every record has exactly one value of it."""
        return self.portal is None and len(self.stored) == 1

    def first(self) -> FieldRef:
        """Return the value that a sort looks at: the first repetition, the first related row."""
        if self.is_single:
            return self
        return replace(self, stored=self.stored[:1], is_first_row_only=self.portal is not None)

    def values(self, record: Record) -> Sequence[Value]:
        """Return the record's values; one that is empty when no related row exists."""
        if self.portal is None:
            return [record.fields[name] for name in self.stored]
        rows: Sequence[Any] = record.portals.get(self.portal, ())
        if self.is_first_row_only:
            rows = rows[:1]
        return [row.get(name, "") for row in rows for name in self.stored] or [""]

    def pairs(self, records: Iterable[Record]) -> Iterator[tuple[Record, Value]]:
        """Yield every record with each of its values."""
        if self.is_single:
            name = self.stored[0]
            for record in records:
                yield record, record.fields[name]
        else:
            for record in records:
                for value in self.values(record):
                    yield record, value


def stored_names(name: str, repetitions: int) -> tuple[str, ...]:
    """Return the names a field's values are stored under: its own, or one for each repetition."""
    if repetitions == 1:
        return (name,)
    return tuple(f"{name}({number})" for number in range(1, repetitions + 1))


def split_repetition(name: str) -> tuple[str, int | None]:
    """Take `name(2)` apart; the number is None for a name without one."""
    match = _REPETITION.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)
