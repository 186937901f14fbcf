"""What the Data API gives, as immutable values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

_OPERATORS = re.compile(r'[\\=!<>≤≥…@#*?"~]|//|\.{2,}')


class Portal(NamedTuple):
    """Rows of a portal that a reading asks for: `limit` rows (None: all there are) from the 1-based `offset`.

    `name` is the portal's object name, or its table occurrence when it has none.
    """

    name: str
    offset: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class PortalRow:
    """One row of a portal; `fields` are named `occurrence::field` and hold values as a record's do."""

    record_id: str
    mod_id: str
    fields: dict[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a layout; `fields` holds str, int or Decimal, and "" for an empty field.

    `portals` holds the rows of the portals that were asked for, by the name they were asked for with. Field
    values are health data: they are left out of `repr`, so that a record in a log line or an error shows its
    ids only.
    """

    record_id: str
    mod_id: str
    fields: dict[str, object] = field(repr=False)
    portals: dict[str, tuple[PortalRow, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a reading request.

    `found_count` is the size of the found set and `total_count` that of the table, both at the time of this
    answer; both are 0 when FileMaker answered that nothing was found or that the offset is past the end.
    """

    records: tuple[Record, ...]
    found_count: int
    total_count: int


NOTHING_FOUND = Page(records=(), found_count=0, total_count=0)


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of a layout: `result` is text, number, date, time, timeStamp or container."""

    name: str
    result: str
    repetitions: int


@dataclass(frozen=True, slots=True)
class LayoutInfo:
    """The fields of a layout by name, and those inside its portals by portal."""

    name: str
    fields: dict[str, FieldInfo]
    portals: dict[str, dict[str, FieldInfo]]


class Sort(NamedTuple):
    """One sort criterion of a request."""

    field: str
    order: Literal["ascend", "descend"] = "ascend"


def escape_criterion(text: str) -> str:
    """Return the text with FileMaker's find operators escaped, so that a find takes it literally."""
    return _OPERATORS.sub(lambda match: "".join("\\" + character for character in match.group()), text)


def value_text(value: object) -> str:
    """Return a field's value as text; numbers in full, since FileMaker's finds know no exponents."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def read_record(data: Mapping[str, Any]) -> Record:
    """Return the record of one element of `response.data`; raises KeyError or TypeError on another shape."""
    return Record(str(data["recordId"]), str(data["modId"]), dict(data["fieldData"]))


def read_portal_row(data: Mapping[str, Any]) -> PortalRow:
    """Return the row of one element of `portalData`; raises KeyError or TypeError on another shape."""
    fields = {name: value for name, value in data.items() if name not in ("recordId", "modId")}
    return PortalRow(str(data["recordId"]), str(data.get("modId", "")), fields)


def read_layout(layout: str, response: Mapping[str, Any]) -> LayoutInfo:
    """Return the layout that a metadata answer describes; raises KeyError or TypeError on another shape."""
    portals = response.get("portalMetaData") or {}
    return LayoutInfo(
        layout,
        _read_fields(response["fieldMetaData"]),
        {str(name): _read_fields(fields) for name, fields in portals.items()},
    )


def read_field(data: Mapping[str, Any]) -> FieldInfo:
    """Return the field of one element of `fieldMetaData`; the repetitions are those shown on the layout."""
    shown = int(data.get("repetitionEnd", 1)) - int(data.get("repetitionStart", 1)) + 1
    return FieldInfo(name=str(data["name"]), result=str(data["result"]), repetitions=max(shown, 1))


def _read_fields(items: list[Mapping[str, Any]]) -> dict[str, FieldInfo]:
    fields = [read_field(item) for item in items]
    return {item.name: item for item in fields}
