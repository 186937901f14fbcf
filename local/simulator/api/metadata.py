"""Metadata: the product, its databases, layouts with their fields and value lists, scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..behaviour.variants import Variants
from ..data.files import File
from ..data.layouts import FROM_FIELD, FROM_PORTAL, Layout, Portal
from ..data.record import Record
from ..data.values import Value
from .repeatedkeys import by_key

PRODUCT_NAME: Final = "FileMaker Data API Engine"
BUILD_DATE: Final = "05/05/2025"
FORMATS: Final = {"dateFormat": "MM/dd/yyyy", "timeFormat": "HH:mm:ss", "timeStampFormat": "MM/dd/yyyy HH:mm:ss"}


def product_info(variants: Variants) -> dict[str, Any]:
    """Return what productInfo answers."""
    version = {} if variants.product_info_is_short else {"buildDate": BUILD_DATE, "version": variants.product_version}
    return {"productInfo": {"name": PRODUCT_NAME, **version, **FORMATS}}


def layout_list(tree: Sequence[Mapping[str, Any]], variants: Variants) -> list[dict[str, Any]]:
    """Return layouts and folders, nested, with or without their `table`."""
    listed = []
    for item in tree:
        if item.get("isFolder"):
            inside = layout_list(item.get("folderLayoutNames", ()), variants)
            listed.append({**item, "folderLayoutNames": inside})
        else:
            named = {name: value for name, value in item.items() if name != "table"}
            listed.append({**named, "table": item.get("table", "")} if variants.layouts_have_table else named)
    return listed


def field_metadata(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of one field; keys of the data set's description win over the usual ones."""
    usual: dict[str, Any] = {
        "name": described["name"],
        "type": "normal",
        "displayType": "editText",
        "result": "text",
        "global": False,
        "autoEnter": False,
        "fourDigitYear": False,
        "maxRepeat": 1,
        "maxCharacters": 0,
        "notEmpty": False,
        "numeric": False,
        "timeOfDay": False,
        "repetitionStart": 1,
        "repetitionEnd": 1,
    }
    return {**usual, **{name: value for name, value in described.items() if name != "validation"}}


def layout_metadata(layout: Layout, record: Record | None, variants: Variants) -> dict[str, Any]:
    """Return fields, portals and value lists of a layout; `valueLists` is left out when there are none.

    Value lists of related values are empty unless a record is given.
    """
    answer: dict[str, Any] = {
        "fieldMetaData": [field_metadata(item) for item in layout.metadata],
        "portalMetaData": by_key((portal.key, _portal_metadata(portal)) for portal in layout.portals),
    }
    if layout.value_lists:
        answer["valueLists"] = [_value_list(item, layout, record, variants) for item in layout.value_lists]
    return answer


def values_of_list(described: Mapping[str, Any], layout: Layout, record: Record | None) -> list[Any]:
    """Return the entries of a value list, filled from fields or the record's related rows where it says so."""
    if FROM_FIELD in described:
        ref = layout.ref(described[FROM_FIELD])
        return _entries(value for _, value in ref.pairs(layout.table.rows()))
    if FROM_PORTAL in described:
        return [] if record is None else _entries(layout.ref(described[FROM_PORTAL]).values(record))
    return list(described.get("values", ()))


def _value_list(
    described: Mapping[str, Any], layout: Layout, record: Record | None, variants: Variants
) -> dict[str, Any]:
    entries = [dict(entry) for entry in values_of_list(described, layout, record)]
    for entry in entries:
        if variants.display_values == "null":
            entry["displayValue"] = None
        elif variants.display_values == "missing":
            entry.pop("displayValue", None)
    by_field = FROM_FIELD in described or FROM_PORTAL in described
    kind = described.get("type", "byField" if by_field else "customList")
    return {"name": described["name"], "type": kind, "values": entries}


def _entries(found: Iterable[Value]) -> list[dict[str, str]]:
    """Return each value once, in order, as a value list shows them."""
    texts = {str(value) for value in found if value != "" and not isinstance(value, File)}
    return [{"displayValue": text, "value": text} for text in sorted(texts)]


def _portal_metadata(portal: Portal) -> list[dict[str, Any]]:
    return [field_metadata(item) for item in portal.metadata]
