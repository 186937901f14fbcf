"""Finds: requests of criteria over a layout, joined into a found set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.simulator import criteria
from local.simulator.dataset import Layout, Record, SortOrder, Table
from local.simulator.errors import DataApiError
from local.simulator.index import KeyRange


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

    by_field: tuple[tuple[str, criteria.Criterion], ...]
    is_omit: bool


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


def perform(requests: Sequence[FindRequest], table: Table, sort: SortOrder) -> FoundSet:
    """Return the records of a find; unsorted ones in creation order."""
    span = _index_span(requests, table, sort)
    if span is not None:
        return span
    found: dict[str, Record] = {}
    if all(request.is_omit for request in requests):
        found = dict(table.records)
    for request in requests:
        matching = _matching(request, table)
        if request.is_omit:
            for record_id in matching:
                found.pop(record_id, None)
        else:
            found.update(matching)
    return FoundSet.of([record for record in table.ordered(sort) if record.record_id in found])


def _index_span(requests: Sequence[FindRequest], table: Table, sort: SortOrder) -> FoundSet | None:
    """Answer a range sorted by its own field straight from the index: the walk of a large layout by key."""
    if len(requests) != 1 or requests[0].is_omit or len(requests[0].by_field) != 1:
        return None
    name, criterion = requests[0].by_field[0]
    if sort != ((name, False),):
        return None
    index = table.index(name)
    if isinstance(criterion, KeyRange):
        return FoundSet(index.rows, *index.span(criterion))
    if isinstance(criterion, criteria.NotEmpty) and not index.unreadable:
        return FoundSet.of(index.rows)
    return None


def _matching(request: FindRequest, table: Table) -> dict[str, Record]:
    result: dict[str, Record] | None = None
    for name, criterion in request.by_field:
        rows = _rows_of(criterion, name, table)
        result = {row.record_id: row for row in rows if result is None or row.record_id in result}
    return result or {}


def _rows_of(criterion: criteria.Criterion, name: str, table: Table) -> Sequence[Record]:
    index = table.index(name)
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
            return [row for row in (*index.rows, *index.unreadable) if test(row.fields[name])]


def _read_request(described: Mapping[str, Any], layout: Layout) -> FindRequest:
    by_field = []
    for name, value in described.items():
        if name == "omit":
            continue
        result = layout.result(name)
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise DataApiError(1708)
        if text := str(value).strip():
            by_field.append((name, criteria.read_criterion(text, result)))
    omit = described.get("omit", "false")
    if omit not in ("true", "false", True, False):
        raise DataApiError(1708)
    return FindRequest(tuple(by_field), is_omit=omit in ("true", True))
