"""The index of one field of one table: made when it is first needed, dropped when the table changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from . import values
from .fields import FieldRef
from .record import Record


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
    `unreadable` those whose value is not of the field's type (text in a number field, 31 February). A record
    with several values (repetitions, portal rows) stands in `rows` once for each.
    """

    keys: list[Any] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    empty: list[Record] = field(default_factory=list)
    unreadable: list[Record] = field(default_factory=list)

    @classmethod
    def build(cls, records: Iterable[Record], ref: FieldRef) -> FieldIndex:
        """Index the records, which come in creation order."""
        index = cls()
        keyed: list[tuple[Any, Record]] = []
        read_key = values.key_reader(ref.result)
        for record, value in ref.pairs(records):
            if value == "":
                index.empty.append(record)
                continue
            key = read_key(value)
            if key is None:
                index.unreadable.append(record)
            else:
                keyed.append((key, record))
        keyed.sort(key=itemgetter(0))
        index.keys = [key for key, _ in keyed]
        index.rows = [record for _, record in keyed]
        if not ref.is_single:
            full = {id(record) for record in (*index.rows, *index.unreadable)}
            index.empty = [record for record in dict.fromkeys(index.empty) if id(record) not in full]
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
        found: list[Record] = []
        for _, records in self._groups():
            if len(set(map(id, records))) > 1:
                found += records
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

    def ranks_in(self, listed: tuple[str, ...], result: str) -> dict[str, int]:
        """Return ranks in the order of a value list; values that are not on it come after, in their own order."""
        places = {values.index_key(value, result): place for place, value in reversed(list(enumerate(listed)))}
        ranked = self.ranks()
        for record_id in ranked:
            ranked[record_id] += len(listed)
        for key, records in self._groups():
            if key in places:
                ranked |= {record.record_id: places[key] for record in records}
        return ranked

    def _groups(self) -> Iterator[tuple[Any, list[Record]]]:
        pairs = zip(self.keys, self.rows, strict=True)
        for key, group in groupby(pairs, key=itemgetter(0)):
            yield key, [record for _, record in group]
