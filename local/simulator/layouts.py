"""Metadata: the product, its databases, layouts and their fields."""

from __future__ import annotations

from typing import Any, Final

from local.simulator.dataset import Layout

PRODUCT_INFO: Final = {
    "name": "FileMaker Data API Engine",
    "buildDate": "05/05/2025",
    "version": "22.0.1.68",
    "dateFormat": "MM/dd/yyyy",
    "timeFormat": "HH:mm:ss",
    "timeStampFormat": "MM/dd/yyyy HH:mm:ss",
}


def field_metadata(name: str, result: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of one field; keys of the data set's description win over the usual ones."""
    usual: dict[str, Any] = {
        "name": name,
        "type": "normal",
        "displayType": "editText",
        "result": result,
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
    return {**usual, **described}


def layout_metadata(layout: Layout) -> dict[str, Any]:
    """Return fields, portals and value lists of a layout; `valueLists` is left out when there are none."""
    answer: dict[str, Any] = {
        "fieldMetaData": [
            field_metadata(name, layout.table.results[name], layout.metadata[name]) for name in layout.fields
        ],
        "portalMetaData": {
            portal.key: [field_metadata(name, result, {}) for name, result in portal.fields.items()]
            for portal in layout.portals
        },
    }
    if layout.value_lists:
        answer["valueLists"] = list(layout.value_lists)
    return answer
