"""Validation of what clients write, by the options of a field in the data set.

`notEmpty` (509) and `maxCharacters` (511) are field metadata; `"validation"` takes `unique` (504), `range` (503,
two bounds) and `valueList` (506, the name of a list on the layout).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..data import values
from ..data.index import KeyRange
from ..data.layouts import Layout
from ..data.record import Record
from ..data.values import Value
from ..errors import DataApiError
from . import metadata


def check(layout: Layout, written: Mapping[str, Value], record: Record | None) -> None:
    """Refuse stored values that the layout's fields do not allow; `record` is the one edited, None for a new one.

    Raises DataApiError 503, 504, 506, 509, 511.
    """
    for described in layout.metadata:
        ref = layout.writable(described["name"])
        name = ref.stored[0]
        if name not in written and record is not None:
            continue
        value = written.get(name, "")
        if value == "":
            if described.get("notEmpty"):
                raise DataApiError(509)
            continue
        if 0 < described.get("maxCharacters", 0) < len(str(value)):
            raise DataApiError(511)
        _check_rules(described.get("validation", {}), layout, described["name"], value, record)


def _check_rules(rules: Mapping[str, Any], layout: Layout, name: str, value: Value, record: Record | None) -> None:
    if not rules:
        return
    ref = layout.writable(name)
    key = values.index_key(value, ref.result)
    if rules.get("unique"):
        index = layout.table.index(ref)
        start, stop = index.span(KeyRange(low=key, high=key))
        if any(other is not record for other in index.rows[start:stop]):
            raise DataApiError(504)
    if "range" in rules:
        low, high = (values.index_key(bound, ref.result) for bound in rules["range"])
        if key is None or not low <= key <= high:  # type: ignore[operator]
            raise DataApiError(503)
    if "valueList" in rules:
        listed = layout.value_list(rules["valueList"]) or {}
        allowed = {values.fold(str(entry["value"])) for entry in metadata.values_of_list(listed, layout, record)}
        if values.fold(str(value)) not in allowed:
            raise DataApiError(506)
