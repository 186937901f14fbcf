"""Tables of the hosted files: records, with the indexes and sort orders made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ..errors import DataApiError
from .fields import FieldRef
from .index import FieldIndex
from .record import Record
from .values import Value

CACHED_ORDERS: Final = 32
CACHED_FINDS: Final = 16


@dataclass(frozen=True)
class SortKey:
    """One field of a sort; `listed` are the values of the value list whose order it takes instead."""

    ref: FieldRef
    is_descending: bool = False
    listed: tuple[str, ...] | None = None


SortOrder = tuple[SortKey, ...]
"""Most significant field first."""

Made = TypeVar("Made")


class Table:
    """The records of one table; `results` are the result types by the name that values are stored under."""

    def __init__(self, name: str, results: Mapping[str, str]) -> None:
        self.name = name
        self.results: dict[str, str] = dict(results)
        self.records: dict[str, Record] = {}
        self._highest_record_id = 0
        self._rows: list[Record] | None = None
        self._indexes: dict[FieldRef, FieldIndex] = {}
        self._orders: dict[SortOrder, list[Record]] = {}
        self._finds: dict[object, Any] = {}

    def load(self, record: Record) -> None:
        """Add a record as the data set has it, with all fields."""
        self.records[record.record_id] = record
        if record.record_id.isdecimal():
            self._highest_record_id = max(self._highest_record_id, int(record.record_id))

    def insert(self, fields: Mapping[str, Value], portals: Mapping[str, Any] | None = None) -> Record:
        """Create a record under a record id that was never used."""
        complete = {name: fields.get(name, "") for name in self.results}
        record = Record(f"{self._highest_record_id + 1}", 0, complete, dict(portals or {}))
        self.load(record)
        self._forget(rows=True)
        return record

    def edit(self, record: Record, fields: Mapping[str, Value], portals: Mapping[str, Any] | None = None) -> None:
        """Change fields and portals of a record and count its modification id up."""
        record.fields = {**record.fields, **fields}
        if portals:
            record.portals = {**record.portals, **portals}
        record.mod_id += 1
        self._forget(rows=False)

    def delete(self, record: Record, *, frees_id: bool = False) -> None:
        """Remove a record; its record id is used again only if it `frees_id` and no higher one is left."""
        del self.records[record.record_id]
        if frees_id:
            self._highest_record_id = max((int(number) for number in self.records if number.isdecimal()), default=0)
        self._forget(rows=True)

    def record(self, record_id: str) -> Record:
        """Return the record, or raise DataApiError 101."""
        found = self.records.get(record_id)
        if found is None:
            raise DataApiError(101)
        return found

    def rows(self) -> list[Record]:
        """Return all records in creation order."""
        if self._rows is None:
            self._rows = list(self.records.values())
        return self._rows

    def index(self, ref: FieldRef) -> FieldIndex:
        """Return the index of a field, made at the first use after a write."""
        index = self._indexes.get(ref)
        if index is None:
            index = self._indexes[ref] = FieldIndex.build(self.rows(), ref)
        return index

    def ordered(self, sort: SortOrder) -> Sequence[Record]:
        """Return all records in a sort order, made at the first use after a write."""
        if not sort:
            return self.rows()
        return _cached(self._orders, sort, lambda: self._sorted(sort), CACHED_ORDERS)

    def found(self, key: object, find: Callable[[], Made]) -> Made:
        """Return what a find made last time it was asked under this key, if nothing was written since."""
        return _cached(self._finds, key, find, CACHED_FINDS)

    def _sorted(self, sort: SortOrder) -> list[Record]:
        first = sort[0]
        if len(sort) == 1 and not first.is_descending and first.listed is None:
            return self.index(first.ref).ascending()
        rows = self.rows()
        for key in reversed(sort):  # stable sorts, least significant field first
            index = self.index(key.ref)
            ranks = index.ranks() if key.listed is None else index.ranks_in(key.listed, key.ref.result)
            rows = _sorted_by(rows, ranks, is_descending=key.is_descending)
        return rows

    def _forget(self, *, rows: bool) -> None:
        if rows:
            self._rows = None
        self._indexes.clear()
        self._orders.clear()
        self._finds.clear()


def _sorted_by(rows: list[Record], ranks: Mapping[str, int], *, is_descending: bool) -> list[Record]:
    return sorted(rows, key=lambda record: ranks[record.record_id], reverse=is_descending)


def _cached(cache: dict[Any, Any], key: object, make: Callable[[], Made], size: int) -> Made:
    """Return the cached value or make it; the one that was made first gives way."""
    if key not in cache:
        made = make()
        while len(cache) >= size:
            cache.pop(next(iter(cache)))
        cache[key] = made
    return cache[key]
