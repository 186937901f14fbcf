"""Rows of portals: those an answer holds, and the rest of them, which the server leaves out silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nexus_import.errors import FileMakerMovedError, FileMakerRequestError
from nexus_import.filemaker.queries import PORTAL_PAGE_ROWS
from nexus_import.filemaker.records import Portal, PortalRow, read_portal_row

MAX_PORTAL_READINGS = 3

ReadRows = Callable[[Portal], "PortalPage"]


class PortalPage(NamedTuple):
    """Rows of one portal in one answer; `found_count` is how many rows the portal has."""

    rows: tuple[PortalRow, ...]
    found_count: int


def read_portal_page(item: Mapping[str, Any], name: str, where: str) -> PortalPage:
    """Return the rows of a portal in one element of `response.data`.

    Raises FileMakerRequestError when it is not there, or when two portals share the name, whose rows could not
    be told apart, and KeyError or TypeError on another shape.
    """
    infos = [info for info in item["portalDataInfo"] if (info.get("portalObjectName") or info["table"]) == name]
    if not infos:
        raise FileMakerRequestError(
            f"The layout has no portal '{name}', at {where}. Use its object name, or its table occurrence when it has"
            " none.",
            where=where,
        )
    if len(infos) > 1:
        raise FileMakerRequestError(
            f"{len(infos)} portals of the layout are called '{name}', at {where}. Give each an object name of its own"
            " in FileMaker's Inspector.",
            where=where,
        )
    rows = tuple(read_portal_row(row) for row in item["portalData"][name])
    return PortalPage(rows, int(infos[0]["foundCount"]))


def all_rows(portal: Portal, first: PortalPage, read: ReadRows, where: str) -> tuple[PortalRow, ...]:
    """Return the rows that were asked for, reading on from the first page as long as there are more.

    `read` reads another page of the same portal. Raises FileMakerMovedError when rows keep coming and going.
    """
    page = first
    for _ in range(MAX_PORTAL_READINGS):
        rows = _read_on(portal, page, read)
        if rows is not None:
            return rows
        page = read(portal)
    raise FileMakerMovedError(
        f"Portal '{portal.name}' kept changing while it was read, at {where}: {MAX_PORTAL_READINGS} readings in a row"
        " were not whole. Try again when fewer people work on that record.",
        where=where,
    )


def _read_on(portal: Portal, first: PortalPage, read: ReadRows) -> tuple[PortalRow, ...] | None:
    """Return the rows, None when the portal had another number of rows meanwhile."""
    wanted = max(first.found_count - portal.offset + 1, 0)
    if portal.limit is not None:
        wanted = min(wanted, portal.limit)
    rows = list(first.rows)
    while len(rows) < wanted:
        limit = min(wanted - len(rows), PORTAL_PAGE_ROWS)
        page = read(Portal(portal.name, portal.offset + len(rows), limit))
        if page.found_count != first.found_count or not page.rows:
            return None
        rows += page.rows
    is_whole = len({row.record_id for row in rows}) == wanted
    return tuple(rows) if is_whole else None


def read_portals(item: Mapping[str, Any], portals: Sequence[Portal], where: str) -> dict[str, PortalPage]:
    """Return the page of each portal that was asked for, by name."""
    return {portal.name: read_portal_page(item, portal.name, where) for portal in portals}
