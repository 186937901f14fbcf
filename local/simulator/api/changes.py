"""Changes that other users make while a client reads: planned by the number of requests seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..data.dataset import DataSet
from ..data.layouts import Layout
from ..data.record import Record
from ..errors import DataApiError
from . import writing

OPERATIONS: Final = ("insert", "edit", "delete")


class ChangeError(Exception):
    """A planned change cannot be used; the message says what is wrong with it."""


@dataclass
class PlannedChange:
    """One change that follows the `after_requests`-th data request of a layout from now on.

    `record_id`, or `where` (field and value, exact), says which record is edited or deleted; `database` is the
    first hosted one when it is left out.
    """

    layout: str
    operation: str
    after_requests: int = 1
    record_id: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    database: str | None = None


class PlannedChanges:
    """The changes still to come; `applied` and `skipped` (record already gone) count the others."""

    def __init__(self) -> None:
        self._pending: list[PlannedChange] = []
        self.applied = 0
        self.skipped = 0

    @property
    def pending(self) -> int:
        """How many changes are still to come."""
        return len(self._pending)

    def add(self, change: PlannedChange, data_set: DataSet) -> None:
        """Plan a change; raises ChangeError when its layout, operation or fields do not exist."""
        if change.operation not in OPERATIONS:
            raise ChangeError(f"unknown operation {change.operation!r}; known: {', '.join(OPERATIONS)}")
        if change.operation != "insert" and change.record_id is None and not change.where:
            raise ChangeError(f"operation {change.operation!r} needs record_id or where")
        try:
            layout = data_set.layout(change.layout)
            writing.check_fields(layout, change.fields)
            for name in change.where:
                layout.ref(name)
        except DataApiError as error:
            raise ChangeError(f"layout {change.layout!r}: {error.message}") from error
        change.database = data_set.database
        self._pending.append(change)

    def clear(self) -> None:
        """Forget the changes still to come."""
        self._pending.clear()

    def after_request(self, layout_name: str, data_set: DataSet) -> None:
        """Count one data request of the layout and make the changes that were waiting for it."""
        due = []
        for change in self._pending:
            if change.layout == layout_name and change.database == data_set.database:
                change.after_requests -= 1
                if change.after_requests <= 0:
                    due.append(change)
        for change in due:
            self._pending.remove(change)
            self._apply(change, data_set.layout(layout_name))

    def _apply(self, change: PlannedChange, layout: Layout) -> None:
        fields = writing.check_fields(layout, change.fields)
        if change.operation == "insert":
            layout.table.insert(fields)
            self.applied += 1
            return
        record = _find_record(change, layout)
        if record is None:
            self.skipped += 1
            return
        if change.operation == "edit":
            layout.table.edit(record, fields)
        else:
            layout.table.delete(record)
        self.applied += 1


def _find_record(change: PlannedChange, layout: Layout) -> Record | None:
    if change.record_id is not None:
        return layout.table.records.get(change.record_id)
    for record in layout.table.rows():
        if all(value in layout.ref(name).values(record) for name, value in change.where.items()):
            return record
    return None
