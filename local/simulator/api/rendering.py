"""Makes the `data` of an answer from records: the layout's fields, its portals, dates and containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..behaviour.variants import Variants
from ..data import values
from ..data.files import File
from ..data.layouts import Layout, Portal
from ..data.record import Record
from .parameters import PortalWindow
from .repeatedkeys import by_key

if TYPE_CHECKING:
    from ..data.dataset import DataSet

FileUrl = Callable[[str, File], str]
"""Return the address under which a file can be fetched, given the place it has in the database."""


@dataclass(frozen=True)
class View:
    """For whom an answer is made: the database, the version asked, the kind of server, the session's file addresses."""

    data_set: DataSet
    version: str
    variants: Variants
    file_url: FileUrl


@dataclass(frozen=True)
class Page:
    """What is to be shown: records through a layout, its portals with their windows, and the date format."""

    layout: Layout
    records: Sequence[Record]
    portals: Sequence[tuple[Portal, PortalWindow]]
    dateformats: int


@dataclass(frozen=True)
class _Change:
    """A field whose stored value is not what is shown."""

    name: str
    stored: str
    show: Callable[[Any], Any] | None


def render(page: Page, view: View) -> list[dict[str, Any]]:
    """Return the records of a page as the Data API shows them."""
    show_fields = _fields_renderer(page, view)
    portals = [_PortalRenderer(portal, window, page, view) for portal, window in page.portals]
    return [
        {
            "fieldData": show_fields(record),
            "portalData": by_key((portal.key, portal.rows(record)) for portal in portals) if portals else {},
            "recordId": record.record_id,
            "modId": str(record.mod_id),
            "portalDataInfo": [portal.info(record) for portal in portals],
        }
        for record in page.records
    ]


def _fields_renderer(page: Page, view: View) -> Callable[[Record], dict[str, Any]]:
    layout = page.layout
    changes = [_Change(item.name, item.stored, _shower(item.result, page, view)) for item in layout.shown]
    changes = [change for change in changes if change.show or layout.table.results[change.stored] == "container"]
    names = [(item.name, item.stored) for item in layout.shown]

    def show(record: Record) -> dict[str, Any]:
        stored = record.fields
        if not layout.shows_whole_table:
            shown: dict[str, Any] = {name: stored[place] for name, place in names}
        elif changes:
            shown = dict(stored)
        else:
            return stored
        for change in changes:
            value = stored[change.stored]
            if isinstance(value, File):
                shown[change.name] = view.file_url(f"{layout.table.name}/{record.record_id}/{change.stored}", value)
            elif change.show and value != "":
                shown[change.name] = change.show(value)
        return shown

    return show


def _shower(result: str, page: Page, view: View) -> Callable[[Any], Any] | None:
    return values.converter(
        result,
        page.dateformats,
        view.data_set.date_pattern,
        separator=view.variants.iso_timestamp_separator,
        numbers_as_text=view.variants.numbers_as_text,
    )


class _PortalRenderer:
    """Shows one portal of every record of a page."""

    def __init__(self, portal: Portal, window: PortalWindow, page: Page, view: View) -> None:
        self.key = portal.key
        self._portal = portal
        self._first = window.offset - 1
        self._limit = view.variants.portal_default_rows if window.limit is None else window.limit
        if view.version == "v1" and page.layout.is_table_view:  # v2 always behaves as Form View
            self._limit = min(self._limit, 1)
        self._table = page.layout.table.name
        self._view = view
        self._fields = [(name, _shower(result, page, view)) for name, result in portal.fields.items()]

    def rows(self, record: Record) -> list[dict[str, Any]]:
        """Return the rows in the portal's window."""
        return [self._row(row, record) for row in self._window(record)]

    def info(self, record: Record) -> dict[str, Any]:
        """Return the portal's entry in `portalDataInfo`."""
        name = {"portalObjectName": self._portal.object_name} if self._portal.object_name else {}
        return {
            **name,
            "database": self._view.data_set.database,
            "table": self._portal.table,
            "foundCount": len(record.portals.get(self._portal.rows_key, ())),
            "returnedCount": len(self._window(record)),
        }

    def _window(self, record: Record) -> Sequence[Mapping[str, Any]]:
        return record.portals.get(self._portal.rows_key, [])[self._first : self._first + self._limit]

    def _row(self, row: Mapping[str, Any], record: Record) -> dict[str, Any]:
        shown: dict[str, Any] = {"recordId": row["recordId"]}
        for name, show in self._fields:
            value = row.get(name, "")
            if isinstance(value, File):
                place = f"{self._table}/{record.record_id}/{self._portal.rows_key}/{row['recordId']}/{name}"
                value = self._view.file_url(place, value)
            elif show and value != "":
                value = show(value)
            shown[name] = value
        shown["modId"] = row["modId"]
        return shown
