"""Finds: requests of criteria over a layout, joined into a found set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..data.fields import FieldRef
from ..data.index import KeyRange
from ..data.layouts import Layout
from ..data.record import Record
from ..data.tables import SortOrder, Table
from ..errors import DataApiError
from . import criteria


@dataclass(frozen=True)
class FoundSet:
    """The records `rows[start:stop]`, in the order of the answer; pages are cut without copying the rest."""

    rows: Sequence[Record]
    start: int
    stop: int

    @classmethod
    def of(cls, rows: Sequence[Record]) -> FoundSet:
        """Take a whole sequence as the found set."""
        return cls(rows, 0, len(rows))

    def __len__(self) -> int:
        return self.stop - self.start

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records from the 1-based `offset` on."""
        first = self.start + offset - 1
        return self.rows[first : min(first + limit, self.stop)]


@dataclass(frozen=True)
class FindRequest:
    """The criteria of one request, which must all hold; an omitting request takes its records away."""

    by_field: tuple[tuple[FieldRef, criteria.Criterion], ...]
    is_omit: bool


def find(query: object, layout: Layout, sort: SortOrder, *, omit_only_finds_rest: bool = True) -> FoundSet:
    """Return the records of a find, in creation order without a sort; raises as `read_query` does.

    The next page of the same find is answered from what the first one found, until something is written.
    """
    requests = read_query(query, layout)
    today = datetime.now().astimezone().date()  # `//` in a criterion means another day tomorrow
    key = (layout.name, json.dumps(query), sort, omit_only_finds_rest, today)
    return layout.table.found(
        key, lambda: perform(requests, layout.table, sort, omit_only_finds_rest=omit_only_finds_rest)
    )


def read_query(query: object, layout: Layout) -> list[FindRequest]:
    """Check a find's query.

    Raises DataApiError: 958 without one, 1708 for a wrong shape, 102 for a field that is not on the layout,
    400 when all criteria are empty, 500 to 502 for a date, time or number that cannot be read.
    """
    if query is None:
        raise DataApiError(958)
    if not isinstance(query, list) or not all(isinstance(item, dict) for item in query):
        raise DataApiError(1708)
    requests = [_read_request(item, layout) for item in query]
    requests = [request for request in requests if request.by_field]
    if not requests:
        raise DataApiError(400)
    return requests


def perform(
    requests: Sequence[FindRequest], table: Table, sort: SortOrder, *, omit_only_finds_rest: bool = True
) -> FoundSet:
    """Return the records of a find; unsorted ones in creation order."""
    span = _index_span(requests, table, sort)
    if span is not None:
        return span
    found: dict[str, Record] = {}
    if omit_only_finds_rest and all(request.is_omit for request in requests):
        found = dict(table.records)
    for request in requests:
        matching = _matching(request, table)
        if request.is_omit:
            for record_id in matching:
                found.pop(record_id, None)
        else:
            found.update(matching)
    if not found:
        return FoundSet.of([])
    return FoundSet.of([record for record in table.ordered(sort) if record.record_id in found])


def _index_span(requests: Sequence[FindRequest], table: Table, sort: SortOrder) -> FoundSet | None:
    """Answer a range sorted by its own field straight from the index: the walk of a large layout by key."""
    if len(requests) != 1 or requests[0].is_omit or len(requests[0].by_field) != 1 or len(sort) != 1:
        return None
    ref, criterion = requests[0].by_field[0]
    if sort[0].ref != ref or not ref.is_single or sort[0].listed is not None:
        return None
    index = table.index(ref)
    if isinstance(criterion, KeyRange):
        start, stop = index.span(criterion)
    elif isinstance(criterion, criteria.NotEmpty) and not index.unreadable:
        start, stop = 0, len(index.rows)
    else:
        return None
    if not sort[0].is_descending:
        return FoundSet(index.rows, start, stop)
    count = len(index.rows)  # sorted downwards, readable values come first
    return FoundSet(table.ordered(sort), count - stop, count - start)


def _matching(request: FindRequest, table: Table) -> dict[str, Record]:
    result: dict[str, Record] | None = None
    for ref, criterion in request.by_field:
        rows = _rows_of(criterion, ref, table)
        result = {row.record_id: row for row in rows if result is None or row.record_id in result}
    return result or {}


def _rows_of(criterion: criteria.Criterion, ref: FieldRef, table: Table) -> Sequence[Record]:
    index = table.index(ref)
    match criterion:
        case KeyRange():
            start, stop = index.span(criterion)
            return index.rows[start:stop]
        case criteria.Empty():
            return index.empty
        case criteria.NotEmpty():
            return [*index.unreadable, *index.rows]
        case criteria.Duplicates():
            return index.duplicates()
        case criteria.Unreadable():
            return index.unreadable
        case criteria.Scan(test):
            return [row for key, row in zip(index.keys, index.rows, strict=True) if test(key)]


def _read_request(described: Mapping[str, Any], layout: Layout) -> FindRequest:
    by_field = []
    for name, value in described.items():
        if name == "omit":
            continue
        ref = layout.ref(name)
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise DataApiError(1708)
        if text := str(value).strip():
            by_field.append((ref, criteria.read_criterion(text, ref.result)))
    omit = described.get("omit", "false")
    if omit not in ("true", "false", True, False):
        raise DataApiError(1708)
    return FindRequest(tuple(by_field), is_omit=omit in ("true", True))
