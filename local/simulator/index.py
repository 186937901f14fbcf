"""The index of one field of one table: made when it is first needed, dropped when the table changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.simulator import values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.simulator.dataset import Record


@dataclass(frozen=True)
class KeyRange:
    """The keys from `low` to `high`; None is open ended, a strict end leaves the key itself out."""

    low: Any = None
    high: Any = None
    low_strict: bool = False
    high_strict: bool = False


@dataclass
class FieldIndex:
    """The records of a table by one field.

    `rows` are ordered by `keys` (ties in creation order); `empty` holds the records without a value and
    `unreadable` those whose value is not of the field's type (text in a number field, 31 February).
    """

    keys: list[Any] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    empty: list[Record] = field(default_factory=list)
    unreadable: list[Record] = field(default_factory=list)

    @classmethod
    def build(cls, records: Iterable[Record], field_name: str, result: str) -> FieldIndex:
        """Index the records, which come in creation order."""
        index = cls()
        keyed: list[tuple[Any, Record]] = []
        for record in records:
            value = record.fields[field_name]
            key = values.index_key(value, result)
            if value == "":
                index.empty.append(record)
            elif key is None:
                index.unreadable.append(record)
            else:
                keyed.append((key, record))
        keyed.sort(key=lambda pair: pair[0])
        index.keys = [key for key, _ in keyed]
        index.rows = [record for _, record in keyed]
        return index

    def span(self, wanted: KeyRange) -> tuple[int, int]:
        """Return the half-open interval of positions in `rows` whose keys lie in the range."""
        start, stop = 0, len(self.keys)
        if wanted.low is not None:
            start = (bisect_right if wanted.low_strict else bisect_left)(self.keys, wanted.low)
        if wanted.high is not None:
            stop = (bisect_left if wanted.high_strict else bisect_right)(self.keys, wanted.high)
        return start, max(start, stop)

    def duplicates(self) -> list[Record]:
        """Return the records whose value another record has too."""
        found = []
        for position, key in enumerate(self.keys):
            before = position > 0 and self.keys[position - 1] == key
            after = position + 1 < len(self.keys) and self.keys[position + 1] == key
            if before or after:
                found.append(self.rows[position])
        return found

    def ascending(self) -> list[Record]:
        """Return all records by this field, empty ones first, equal values in creation order."""
        return [*self.empty, *self.unreadable, *self.rows]

    def ranks(self) -> dict[str, int]:
        """Return the rank of every record id; equal values share a rank, empty ones are lowest."""
        ranked = {record.record_id: 0 for record in self.empty}
        ranked |= {record.record_id: 1 for record in self.unreadable}
        rank = 1
        previous: object = None
        for key, record in zip(self.keys, self.rows, strict=True):
            rank += rank == 1 or key != previous
            ranked[record.record_id] = rank
            previous = key
        return ranked
