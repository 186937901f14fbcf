"""Records: reading pages, single records and finds; creating, editing, duplicating, deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from local.simulator import find, parameters, scripts, values
from local.simulator.dataset import DataSet, Layout, Portal, Record
from local.simulator.errors import DataApiError
from local.simulator.parameters import PortalWindow, ReadParameters

_WRITE_PARAMETERS: Final = {
    "fieldData",
    "portalData",
    "modId",
    "options",
    "dateformats",
    "script",
    "script.param",
    "script.prerequest",
    "script.prerequest.param",
    "script.presort",
    "script.presort.param",
}


def read_page(data_set: DataSet, layout: Layout, wanted: ReadParameters, *, version: str) -> dict[str, Any]:
    """Answer GET records; raises DataApiError 101 past the end, but only when an offset was sent."""
    sort = parameters.read_sort(wanted.sort, layout)
    found = find.FoundSet.of(layout.table.ordered(sort))
    if wanted.offset > len(found) and wanted.has_offset:
        raise DataApiError(101)
    return _answer(data_set, layout, found, wanted, version=version)


def find_records(
    data_set: DataSet, layout: Layout, body: Mapping[str, Any], *, version: str, is_end_empty: bool
) -> dict[str, Any]:
    """Answer a find; raises DataApiError 401 without a match, and past the end unless `is_end_empty`."""
    wanted = parameters.from_find_body(body)
    requests = find.read_query(body.get("query"), layout)
    found = find.perform(requests, layout.table, parameters.read_sort(wanted.sort, layout))
    if not len(found) or (wanted.offset > len(found) and not is_end_empty):
        raise DataApiError(401)
    return _answer(data_set, layout, found, wanted, version=version)


def read_record(
    data_set: DataSet, layout: Layout, record_id: str, wanted: ReadParameters, *, version: str
) -> dict[str, Any]:
    """Answer GET of one record; raises DataApiError 101."""
    found = find.FoundSet.of([layout.table.record(record_id)])
    return _answer(data_set, layout, found, wanted, version=version)


def create(data_set: DataSet, layout: Layout, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create a record from `fieldData`; raises DataApiError 958, 960, 102, 500, 501, 1708."""
    fields = _fields_to_write(layout, body)
    record = layout.table.insert(fields)
    return {
        "recordId": record.record_id,
        "modId": str(record.mod_id),
        **scripts.run(data_set, _scripts_of(body)),
    }


def edit(data_set: DataSet, layout: Layout, record_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change a record; raises DataApiError 306 and changes nothing when `modId` is not the record's."""
    fields = _fields_to_write(layout, body)
    record = layout.table.record(record_id)
    if "modId" in body and str(body["modId"]) != str(record.mod_id):
        raise DataApiError(306)
    layout.table.edit(record, fields)
    return {"modId": str(record.mod_id), **scripts.run(data_set, _scripts_of(body))}


def duplicate(layout: Layout, record_id: str) -> dict[str, Any]:
    """Copy a record; raises DataApiError 101."""
    copy = layout.table.insert(layout.table.record(record_id).fields)
    return {"recordId": copy.record_id, "modId": str(copy.mod_id)}


def delete(layout: Layout, record_id: str) -> dict[str, Any]:
    """Delete a record; raises DataApiError 101, also the second time."""
    layout.table.delete(layout.table.record(record_id))
    return {}


def check_fields(layout: Layout, fields: Mapping[str, object]) -> dict[str, values.Value]:
    """Return the values to store; US and ISO dates alike. Raises DataApiError 102, 500, 501, 1708."""
    return {name: values.accept(value, layout.result(name)) for name, value in fields.items()}


def _fields_to_write(layout: Layout, body: Mapping[str, Any]) -> dict[str, values.Value]:
    parameters.refuse_unknown(body, _WRITE_PARAMETERS)
    fields = body.get("fieldData")
    if fields is None:
        raise DataApiError(958)
    if not isinstance(fields, dict):
        raise DataApiError(1708)
    parameters.read_dateformats(body.get("dateformats", 0))
    return check_fields(layout, fields)


def _scripts_of(body: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    named = {name: value for name, value in body.items() if name.startswith("script")}
    return parameters.from_query(named.items()).scripts


def _answer(
    data_set: DataSet, layout: Layout, found: find.FoundSet, wanted: ReadParameters, *, version: str
) -> dict[str, Any]:
    script_results = scripts.run(data_set, wanted.scripts)
    shown = data_set.layout(wanted.response_layout) if wanted.response_layout else layout
    if shown.table is not layout.table:
        raise DataApiError(1708)
    portals = _wanted_portals(shown, wanted)
    page = found.page(wanted.offset, wanted.limit)
    return {
        **script_results,
        "dataInfo": {
            "database": data_set.database,
            "layout": layout.name,
            "table": layout.table.name,
            "totalRecordCount": len(layout.table.records),
            "foundCount": len(found),
            "returnedCount": len(page),
        },
        "data": [_render(record, shown, portals, data_set, wanted, version) for record in page],
    }


def _render(
    record: Record,
    layout: Layout,
    portals: Sequence[tuple[Portal, PortalWindow]],
    data_set: DataSet,
    wanted: ReadParameters,
    version: str,
) -> dict[str, Any]:
    if layout.shows_whole_table and wanted.dateformats != values.DATEFORMATS_ISO:
        fields = record.fields
    else:
        results = layout.table.results
        fields = {name: values.show(record.fields[name], results[name], wanted.dateformats) for name in layout.fields}
    portal_data: dict[str, Any] = {}
    portal_info: list[dict[str, Any]] = []
    for portal, window in portals:
        rows = record.portals.get(portal.key, [])
        shown = rows[window.offset - 1 : window.offset - 1 + window.limit]
        if version == "v1" and layout.is_table_view:  # v2 always behaves as Form View
            shown = shown[:1]
        portal_data[portal.key] = [_render_row(row, portal, wanted.dateformats) for row in shown]
        name = {"portalObjectName": portal.object_name} if portal.object_name else {}
        counts = {"foundCount": len(rows), "returnedCount": len(shown)}
        portal_info.append({**name, "database": data_set.database, "table": portal.table, **counts})
    return {
        "fieldData": fields,
        "portalData": portal_data,
        "recordId": record.record_id,
        "modId": str(record.mod_id),
        "portalDataInfo": portal_info,
    }


def _render_row(row: Mapping[str, Any], portal: Portal, dateformats: int) -> dict[str, Any]:
    shown = {name: values.show(row.get(name, ""), kind, dateformats) for name, kind in portal.fields.items()}
    return {"recordId": str(row["recordId"]), **shown, "modId": str(row.get("modId", "0"))}


def _wanted_portals(layout: Layout, wanted: ReadParameters) -> list[tuple[Portal, PortalWindow]]:
    by_name = {portal.key: portal for portal in layout.portals}
    names = by_name.keys() if wanted.portals is None else wanted.portals
    unknown = [name for name in (*names, *wanted.portal_windows) if name not in by_name]
    if unknown:
        raise DataApiError(1708)
    return [(by_name[name], wanted.portal_windows.get(name, PortalWindow())) for name in names]
