"""What the Data API gives, as immutable values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

_OPERATORS = re.compile(r'[\\=!<>≤≥…@#*?"~]|//|\.{2,}')


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a layout; `fields` holds str, int or Decimal, and "" for an empty field.

    The field values are health data: they are left out of `repr`, so that a record in a log line or an
    error shows its ids only.
    """

    record_id: str
    mod_id: str
    fields: dict[str, object] = field(repr=False)


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


class Sort(NamedTuple):
    """One sort criterion of a request."""

    field: str
    order: Literal["ascend", "descend"] = "ascend"


def escape_criterion(text: str) -> str:
    """Return the text with FileMaker's find operators escaped, so that a find takes it literally."""
    return _OPERATORS.sub(lambda match: "".join("\\" + character for character in match.group()), text)


def read_record(data: Mapping[str, Any]) -> Record:
    """Return the record of one element of `response.data`; raises KeyError or TypeError on another shape."""
    return Record(str(data["recordId"]), str(data["modId"]), dict(data["fieldData"]))


def read_field(data: Mapping[str, Any]) -> FieldInfo:
    """Return the field of one element of `fieldMetaData`; the repetitions are those shown on the layout."""
    shown = int(data.get("repetitionEnd", 1)) - int(data.get("repetitionStart", 1)) + 1
    return FieldInfo(name=str(data["name"]), result=str(data["result"]), repetitions=max(shown, 1))
