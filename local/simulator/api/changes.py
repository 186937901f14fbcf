"""Changes that other users make while a client reads: planned by the number of requests seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from ..behaviour.variants import Variants
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

    def __post_init__(self) -> None:
        """Refuse what could not be done when its time comes; a record id may be given as a number."""
        if self.operation not in OPERATIONS:
            raise ChangeError(f"unknown operation {self.operation!r}; known: {', '.join(OPERATIONS)}")
        if self.operation != "insert" and self.record_id is None and not self.where:
            raise ChangeError(f"operation {self.operation!r} needs record_id or where")
        if isinstance(self.after_requests, bool) or not isinstance(self.after_requests, int) or self.after_requests < 1:
            raise ChangeError("'after_requests' takes a whole number from 1 on")
        if not isinstance(self.where, Mapping) or not isinstance(self.fields, Mapping):
            raise ChangeError("'where' and 'fields' take objects of values by field")
        if not isinstance(self.layout, str) or not isinstance(self.database, str | None):
            raise ChangeError("'layout' and 'database' take a name")
        self.record_id = None if self.record_id is None else str(self.record_id)

    @classmethod
    def read(cls, described: Any) -> PlannedChange:
        """Return the change of an object with these keys; raises ChangeError."""
        if not isinstance(described, Mapping):
            raise ChangeError("a change is an object with layout, operation, after_requests and so on")
        known = [item.name for item in fields(cls)]
        if unknown := sorted(set(described) - set(known)):
            raise ChangeError(f"unknown key {unknown[0]!r} of a change; known: {', '.join(known)}")
        if missing := sorted({"layout", "operation"} - set(described)):
            raise ChangeError(f"a change has no {missing[0]!r}")
        return cls(**described)


class PlannedChanges:
    """The changes still to come; `applied` and `skipped` (record already gone) count the others."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self._pending: list[PlannedChange] = []
        self.applied = 0
        self.skipped = 0

    @property
    def pending(self) -> int:
        """How many changes are still to come."""
        return len(self._pending)

    def add(self, change: PlannedChange) -> None:
        """Plan a change that `check` found good, of the database that it names."""
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
            layout.table.delete(record, frees_id=self._variants.record_ids_are_reused)
        self.applied += 1


def check(change: PlannedChange, data_set: DataSet) -> PlannedChange:
    """Return the change with its database named; raises ChangeError when its layout or a field does not exist."""
    try:
        layout = data_set.layout(change.layout)
        writing.check_fields(layout, change.fields)
        for name in change.where:
            layout.ref(name)
    except DataApiError as error:
        raise ChangeError(f"layout {change.layout!r}: {error.message}") from error
    return replace(change, database=data_set.database)


def _find_record(change: PlannedChange, layout: Layout) -> Record | None:
    if change.record_id is not None:
        return layout.table.records.get(change.record_id)
    for record in layout.table.rows():
        if all(value in layout.ref(name).values(record) for name, value in change.where.items()):
            return record
    return None
