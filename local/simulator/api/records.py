"""Reads records: pages of a layout, single records, finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..data.layouts import Layout, Portal
from ..errors import DataApiError
from ..finding import find
from ..finding.find import FoundSet
from . import parameters, scripts
from .parameters import PortalWindow, ReadParameters
from .rendering import Page, View, render

OpenLayout = Callable[[str], Layout]
"""Return the layout of a name as the session may use it, or raise: also that of `layout.response`."""


def read_page(view: View, layout: Layout, wanted: ReadParameters, open_layout: OpenLayout) -> dict[str, Any]:
    """Answer GET records; raises DataApiError 101 past the end, but for an empty layout only with an offset."""
    sort = parameters.read_sort(wanted.sort, layout, view.variants)
    found = FoundSet.of(layout.table.ordered(sort))
    if wanted.offset > len(found) and (wanted.has_offset or view.variants.empty_layout_is_error):
        raise DataApiError(101)
    return _answer(view, layout, found, wanted, open_layout)


def find_records(view: View, layout: Layout, body: Mapping[str, Any], open_layout: OpenLayout) -> dict[str, Any]:
    """Answer a find; raises DataApiError 401 without a match, and past the end unless a variant says else."""
    variants = view.variants
    wanted = parameters.from_find_body(body)
    sort = parameters.read_sort(wanted.sort, layout, variants)
    found = find.find(body.get("query"), layout, sort, omit_only_finds_rest=variants.omit_only_finds_rest)
    if not len(found) or (wanted.offset > len(found) and not variants.find_past_end_is_empty):
        raise DataApiError(401)
    return _answer(view, layout, found, wanted, open_layout)


def read_record(
    view: View, layout: Layout, record_id: str, wanted: ReadParameters, open_layout: OpenLayout
) -> dict[str, Any]:
    """Answer GET of one record; raises DataApiError 101."""
    found = FoundSet.of([layout.table.record(record_id)])
    return _answer(view, layout, found, wanted, open_layout)


def _answer(
    view: View, layout: Layout, found: FoundSet, wanted: ReadParameters, open_layout: OpenLayout
) -> dict[str, Any]:
    shown = open_layout(wanted.response_layout) if wanted.response_layout else layout
    if shown.table is not layout.table:
        raise DataApiError(1708)
    answer = scripts.run(view.data_set, wanted.scripts)
    page = Page(shown, found.page(wanted.offset, wanted.limit), _wanted_portals(shown, wanted), wanted.dateformats)
    if view.variants.has_data_info:
        answer["dataInfo"] = {
            "database": view.data_set.database,
            "layout": layout.name,
            "table": layout.table.name,
            "totalRecordCount": len(layout.table.records),
            "foundCount": len(found),
            "returnedCount": len(page.records),
        }
    answer["data"] = render(page, view)
    return answer


def _wanted_portals(layout: Layout, wanted: ReadParameters) -> list[tuple[Portal, PortalWindow]]:
    keys = {portal.key for portal in layout.portals}
    if not keys.issuperset((*(wanted.portals or ()), *wanted.portal_windows)):
        raise DataApiError(1708)
    return [
        (portal, wanted.portal_windows.get(portal.key, PortalWindow()))
        for portal in layout.portals
        if wanted.portals is None or portal.key in wanted.portals
    ]
