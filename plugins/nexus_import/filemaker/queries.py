"""What reading requests send: a query string with underscores, or the body of a find without them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nexus_import.filemaker.records import Portal, Sort

PORTAL_PAGE_ROWS = 1000  # the server's own default is 50, after which it stops without a word

DateFormat = Literal["us", "iso"]
DATE_FORMAT_CODES: dict[DateFormat, int] = {"us": 0, "iso": 2}


@dataclass(frozen=True, slots=True)
class Window:
    """Which records are asked for, in what order and with which portals; `offset` is 1-based."""

    limit: int
    offset: int = 1
    sort: Sequence[Sort] = ()
    portals: Sequence[Portal] = ()


def page_query(window: Window, dateformats: int) -> dict[str, str]:
    """Return the query string of a page of records."""
    query = {"_limit": str(window.limit)} | record_query(window.portals, dateformats)
    if window.offset > 1:  # on an empty table the server takes even offset 1 for an error
        query["_offset"] = str(window.offset)
    if window.sort:
        query["_sort"] = _json(_sort_body(window.sort))
    return query


def record_query(portals: Sequence[Portal], dateformats: int) -> dict[str, str]:
    """Return the query string of one record; without portals none are sent, where the server would send all."""
    query = {"portal": _json([portal.name for portal in portals]), "dateformats": str(dateformats)}
    return query | {f"_{name}": str(value) for name, value in _portal_windows(portals).items()}


def find_body(query: Sequence[Mapping[str, str]], window: Window, dateformats: int) -> dict[str, Any]:
    """Return the body of a find."""
    body: dict[str, Any] = {
        "query": [dict(criteria) for criteria in query],
        "limit": str(window.limit),
        "portal": [portal.name for portal in window.portals],
        "dateformats": dateformats,
        **_portal_windows(window.portals),
    }
    if window.offset > 1:
        body["offset"] = str(window.offset)
    if window.sort:
        body["sort"] = _sort_body(window.sort)
    return body


def _portal_windows(portals: Sequence[Portal]) -> dict[str, int]:
    windows: dict[str, int] = {}
    for portal in portals:
        windows[f"limit.{portal.name}"] = portal.limit or PORTAL_PAGE_ROWS
        if portal.offset > 1:
            windows[f"offset.{portal.name}"] = portal.offset
    return windows


def _sort_body(sort: Sequence[Sort]) -> list[dict[str, str]]:
    return [{"fieldName": criterion.field, "sortOrder": criterion.order} for criterion in sort]


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)
