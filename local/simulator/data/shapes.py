"""The shape of a data set's description, looked at before anything is built from it.

Whatever the server would stumble over later is refused here, and so is a misspelt key: it would be ignored without a
word. What a field's metadata may hold beside the known keys is free. Records are looked at one by one as they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..errors import DataSetError

Shape = Callable[[Any, str], None]
"""Looks at a value; raises DataSetError with where it stands."""


def check_database(description: object) -> None:
    """Refuse a description, layouts left out, that is none; raises DataSetError."""
    _DATABASE(description, "the data set")


def check_layout(description: object) -> None:
    """Refuse the description of a layout, its records left out, that is none; raises DataSetError."""
    named = description.get("layout") if isinstance(description, Mapping) else None
    _LAYOUT(description, f"layout {named}" if isinstance(named, str) else "a layout")


def _kind(takes: str, *kinds: type) -> Shape:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise DataSetError(f"{where} must be {takes}")

    return check


def _list(item: Shape, takes: str = "a list") -> Shape:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, (list, tuple)):
            raise DataSetError(f"{where} must be {takes}")
        for number, one in enumerate(value, start=1):
            item(one, f"{where}, {number}")

    return check


def _by_name(item: Shape) -> Shape:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise DataSetError(f"{where} must be an object")
        for name, one in value.items():
            item(one, f"{where}, {name}")

    return check


def _object(required: Mapping[str, Shape], optional: Mapping[str, Shape], *, is_open: bool = False) -> Shape:
    """Return the shape of an object; one that is open may have other keys, with anything in them."""
    known = {**required, **optional}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise DataSetError(f"{where} must be an object")
        if missing := [name for name in required if name not in value]:
            raise DataSetError(f"{where} has no {missing[0]!r}")
        if not is_open and (unknown := [name for name in value if name not in known]):
            raise DataSetError(f"{where} has the unknown key {unknown[0]!r}; known: {', '.join(known)}")
        for name, shape in known.items():
            if name in value:
                shape(value[name], f"{where}: {name!r}")

    return check


def _anything(value: Any, where: str) -> None:
    """Take whatever there is: somebody else looks at it."""


def _tree(inside: str) -> Shape:
    def check(value: Any, where: str) -> None:
        _list(item)(value, where)

    item = _object({"name": _TEXT}, {"isFolder": _FLAG, inside: check}, is_open=True)
    return check


def _range(value: Any, where: str) -> None:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise DataSetError(f"{where} must be a list of two bounds")
    for bound in value:
        _VALUE(bound, where)


_TEXT: Final = _kind("a text", str)
_TEXT_OR_NULL: Final = _kind("a text or null", str, type(None))
_VALUE: Final = _kind("a text or a number", str, int, float)
_VALUE_OR_NULL: Final = _kind("a text, a number or null", str, int, float, type(None))
_FLAG: Final = _kind("true or false", bool)
_WHOLE: Final = _kind("a whole number", int)

_VALIDATION: Final = _object({}, {"unique": _FLAG, "range": _range, "valueList": _TEXT})
_FIELD: Final = _object(
    {"name": _TEXT},
    {
        "result": _TEXT,
        "maxRepeat": _WHOLE,
        "repetitionStart": _WHOLE,
        "repetitionEnd": _WHOLE,
        "maxCharacters": _WHOLE,
        "notEmpty": _FLAG,
        "valueList": _TEXT,
        "validation": _VALIDATION,
    },
    is_open=True,
)
_PORTAL: Final = _object({"table": _TEXT}, {"name": _TEXT_OR_NULL, "fields": _list(_FIELD), "rows": _TEXT})
_ENTRY: Final = _object({"value": _VALUE}, {"displayValue": _VALUE_OR_NULL})
_VALUE_LIST: Final = _object(
    {"name": _TEXT}, {"type": _TEXT, "values": _list(_ENTRY), "fromField": _TEXT, "fromPortal": _TEXT}
)
_LAYOUT: Final = _object(
    {"layout": _TEXT},
    {
        "table": _TEXT,
        "fields": _list(_FIELD),
        "records": _list(_anything, "a list of objects"),
        "portals": _list(_PORTAL),
        "valueLists": _list(_VALUE_LIST),
        "tableView": _FLAG,
        "dataSource": _TEXT,
        "tableMissing": _FLAG,
    },
)
_ACCOUNT: Final = _object(
    {"user": _TEXT, "password": _TEXT}, {"fmrest": _FLAG, "readOnly": _FLAG, "deniedLayouts": _list(_TEXT)}
)
_DATABASE: Final = _object(
    {"database": _TEXT, "user": _TEXT, "password": _TEXT},
    {
        "dateFormat": _TEXT,
        "scripts": _by_name(_object({}, {"result": _TEXT, "error": _VALUE})),
        "layoutTree": _tree("folderLayoutNames"),
        "scriptTree": _tree("folderScriptNames"),
        "accounts": _list(_ACCOUNT),
        "fmidTokens": _list(_TEXT),
        "oauth": _list(_object({"requestId": _TEXT, "identifier": _TEXT}, {})),
        "layouts": _anything,
    },
)
