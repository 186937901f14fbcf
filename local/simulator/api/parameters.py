"""Parameters of reading requests: underscored in a query string, plain in the body of a find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..behaviour.variants import Variants
from ..data.layouts import Layout
from ..data.tables import SortKey, SortOrder
from ..errors import DataApiError
from ..wire import jsontext
from . import metadata

DEFAULT_LIMIT_RECORDS: Final = 100
LONGEST_NUMBER: Final = 18

SCRIPT_STEPS: Final = ("script.prerequest", "script.presort", "script")
SCRIPT_PARAMETERS: Final = {name for step in SCRIPT_STEPS for name in (step, f"{step}.param")}
_SHARED: Final = {"portal", "layout.response", "dateformats", *SCRIPT_PARAMETERS}


@dataclass(frozen=True)
class PortalWindow:
    """Which rows of a portal are wanted; `offset` counts from 1, without a `limit` the server has its own."""

    offset: int = 1
    limit: int | None = None


@dataclass(frozen=True)
class ReadParameters:
    """What a reading request asks for.

    `offset` counts from 1 and `has_offset` tells whether the client sent one; `portals` is None for all of
    the layout's; `scripts` are (step, name, parameter) in the order they run.
    """

    offset: int = 1
    has_offset: bool = False
    limit: int = DEFAULT_LIMIT_RECORDS
    sort: tuple[Mapping[str, Any], ...] = ()
    portals: tuple[str, ...] | None = None
    portal_windows: Mapping[str, PortalWindow] = field(default_factory=dict)
    dateformats: int = 0
    response_layout: str | None = None
    scripts: tuple[tuple[str, str, str], ...] = ()


def from_query(query: Iterable[tuple[str, str]]) -> ReadParameters:
    """Read the query string of GET records; raise DataApiError 960 or 1708."""
    given: dict[str, Any] = dict(query)
    _refuse_unknown(given, {"_offset", "_limit", "_sort", *_SHARED}, portal_prefixes=("_offset.", "_limit."))
    for name in ("_sort", "portal"):
        if name in given:
            given[name] = _read_json_list(given[name])
    return _read(given, prefix="_")


def single_record(query: Iterable[tuple[str, str]]) -> ReadParameters:
    """Read the query string of GET one record; raise DataApiError 960 or 1708."""
    given: dict[str, Any] = dict(query)
    _refuse_unknown(given, _SHARED, portal_prefixes=("_offset.", "_limit."))
    if "portal" in given:
        given["portal"] = _read_json_list(given["portal"])
    return _read(given, prefix="_")


def from_find_body(body: Mapping[str, Any]) -> ReadParameters:
    """Read the body of a find without its query; raise DataApiError 960 or 1708."""
    known = {"query", "offset", "limit", "sort", *_SHARED}
    _refuse_unknown(body, known, portal_prefixes=("offset.", "limit."))
    return _read(body, prefix="")


def read_sort(described: Sequence[Mapping[str, Any]], layout: Layout, variants: Variants) -> SortOrder:
    """Check a sort against its layout; raise DataApiError 102 or 1708.

    `sortOrder` is ascend, descend or the name of a value list on the layout.
    """
    order = []
    for item in described:
        if not isinstance(item, Mapping) or not isinstance(item.get("fieldName"), str):
            raise DataApiError(1708)
        ref = layout.ref(item["fieldName"]).first()
        if ref.portal is not None and not variants.sort_takes_portal_fields:
            raise DataApiError(102)
        direction = item.get("sortOrder", "ascend")
        if direction in ("ascend", "descend"):
            order.append(SortKey(ref, is_descending=direction == "descend"))
            continue
        listed = layout.value_list(direction) if isinstance(direction, str) else None
        if listed is None or not variants.sort_takes_value_lists:
            raise DataApiError(1708)
        entries = metadata.values_of_list(listed, layout, None)
        order.append(SortKey(ref, listed=tuple(str(entry["value"]) for entry in entries)))
    return tuple(order)


def read_dateformats(value: object) -> int:
    """Read 0, 1 or 2, as number or text; raise DataApiError 1708."""
    number = _positive_or_zero(value)
    if number > 2:
        raise DataApiError(1708)
    return number


def refuse_unknown(given: Iterable[str], known: set[str]) -> None:
    """Raise DataApiError 960 that names the parameters nobody knows."""
    _refuse_unknown(given, known, portal_prefixes=())


def _read(given: Mapping[str, Any], prefix: str) -> ReadParameters:
    offset_name, limit_name, sort_name = f"{prefix}offset", f"{prefix}limit", f"{prefix}sort"
    sort = given.get(sort_name, [])
    portals = given.get("portal")
    if not isinstance(sort, list) or not (portals is None or _is_list_of_text(portals)):
        raise DataApiError(1708)
    response_layout = given.get("layout.response")
    if not isinstance(response_layout, (str, type(None))):
        raise DataApiError(1708)
    return ReadParameters(
        offset=_positive(given.get(offset_name, 1)),
        has_offset=offset_name in given,
        limit=_positive(given.get(limit_name, DEFAULT_LIMIT_RECORDS)),
        sort=tuple(sort),
        portals=None if portals is None else tuple(portals),
        portal_windows=_read_portal_windows(given, prefix),
        dateformats=read_dateformats(given.get("dateformats", 0)),
        response_layout=response_layout,
        scripts=tuple(
            (step, str(given[step]), str(given.get(f"{step}.param", ""))) for step in SCRIPT_STEPS if step in given
        ),
    )


def _read_portal_windows(given: Mapping[str, Any], prefix: str) -> dict[str, PortalWindow]:
    offsets, limits = f"{prefix}offset.", f"{prefix}limit."
    names = {name.removeprefix(start) for name in given for start in (offsets, limits) if name.startswith(start)}
    return {
        name: PortalWindow(
            offset=_positive(given.get(offsets + name, 1)),
            limit=_positive(given[limits + name]) if limits + name in given else None,
        )
        for name in names
    }


def _refuse_unknown(given: Iterable[str], known: set[str], portal_prefixes: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known and not name.startswith(portal_prefixes)]
    if unknown:
        raise DataApiError(960, f"Unknown parameter(s): {', '.join(unknown)}")


def _read_json_list(text: str) -> list[Any]:
    try:
        content = jsontext.loads(text)
    except ValueError as error:
        raise DataApiError(1708) from error
    if not isinstance(content, list):
        raise DataApiError(1708)
    return content


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _positive(value: object) -> int:
    number = _positive_or_zero(value)
    if number == 0:
        raise DataApiError(1708)
    return number


def _positive_or_zero(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**LONGEST_NUMBER:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER:
        return int(value)
    raise DataApiError(1708)
