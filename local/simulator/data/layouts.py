"""Layouts: what each shows of its table, and how the names in a request are found on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ..errors import DataApiError
from .fields import FieldRef, split_repetition
from .tables import Table

FROM_FIELD, FROM_PORTAL = "fromField", "fromPortal"
VALUE_LIST_SOURCES: Final = (FROM_FIELD, FROM_PORTAL)
"""Keys of a value list that is filled from a field of the table, or from one of the record's related rows."""


@dataclass(frozen=True)
class ShownField:
    """One entry of `fieldData`: the name it is shown under, where it is stored, its result type."""

    name: str
    stored: str
    result: str


@dataclass(frozen=True)
class Portal:
    """A portal on a layout; its rows are kept with each record under `rows_key`.

    `key` is what it is called in answers: its object name, or its table occurrence when it has none.
    """

    key: str
    object_name: str | None
    table: str
    fields: dict[str, str]
    rows_key: str
    metadata: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Layout:
    """What a layout shows of its table.

    `is_table_view` shortens portals on v1 of the API; `data_source` is another file that must be opened for it;
    `has_table` is False for a layout whose table was deleted. `refs` are the fields that requests may name.
    """

    name: str
    table: Table
    shown: tuple[ShownField, ...]
    metadata: tuple[dict[str, Any], ...]
    portals: tuple[Portal, ...]
    value_lists: tuple[dict[str, Any], ...]
    is_table_view: bool = False
    data_source: str | None = None
    has_table: bool = True
    refs: Mapping[str, FieldRef] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names in `fieldData`."""
        return tuple(item.name for item in self.shown)

    @cached_property
    def shows_whole_table(self) -> bool:
        """Whether a record's own dictionary has exactly the entries this layout shows."""
        return [(item.name, item.stored) for item in self.shown] == [(name, name) for name in self.table.results]

    def ref(self, name: str) -> FieldRef:
        """Return the field of a find or sort: `name`, `name(2)`, or a portal's; raises DataApiError 102."""
        found = self.refs.get(name)
        if found is not None:
            return found
        base, repetition = split_repetition(name)
        whole = self.refs.get(base)
        if whole is None or repetition is None or not 1 <= repetition <= len(whole.stored):
            raise DataApiError(102)
        return FieldRef(whole.result, (whole.stored[repetition - 1],), whole.portal)

    def writable(self, name: str) -> FieldRef:
        """Return the one place that a write of this name changes; raises DataApiError 102."""
        found = self.ref(name)
        if found.portal is not None:
            raise DataApiError(102)
        return found.first()

    def value_list(self, name: str) -> dict[str, Any] | None:
        """Return the description of a value list on the layout, None when it has none of that name."""
        return next((item for item in self.value_lists if item.get("name") == name), None)
