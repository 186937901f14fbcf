"""Writes records: create, edit, duplicate, delete, with the rows of their portals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..data import values
from ..data.layouts import Layout
from ..data.values import Value
from ..errors import DataApiError
from . import parameters, portalrows, scripts, validation
from .rendering import View

_PARAMETERS: Final = {"fieldData", "portalData", "modId", "options", "dateformats", *parameters.SCRIPT_PARAMETERS}


def create(view: View, layout: Layout, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create a record; raises DataApiError 958, 960, 102, 500 to 511, 1708."""
    fields = _read_fields(view, layout, body)
    wanted_scripts = _scripts_of(body)
    rows, made = portalrows.changed(layout, None, body.get("portalData", {}), _parse_day(view, body))
    validation.check(layout, fields, None)
    results = scripts.run(view.data_set, wanted_scripts)
    record = layout.table.insert(fields, rows)
    new_rows = {"newPortalRecordInfo": made} if made else {}
    return {"recordId": record.record_id, "modId": str(record.mod_id), **new_rows, **results}


def edit(view: View, layout: Layout, record_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change a record; raises DataApiError 306 and changes nothing when `modId` is not the record's."""
    deleted = portalrows.take_deleted(body)
    fields = _read_fields(view, layout, deleted.body)
    wanted_scripts = _scripts_of(body)
    record = layout.table.record(record_id)
    if "modId" in body and str(body["modId"]) != str(record.mod_id):
        raise DataApiError(306)
    rows, made = portalrows.changed(
        layout, record, body.get("portalData", {}), _parse_day(view, body), deleted=deleted.rows
    )
    validation.check(layout, fields, record)
    results = scripts.run(view.data_set, wanted_scripts)
    layout.table.edit(record, fields, rows)
    return {"modId": str(record.mod_id), **({"newPortalRecordInfo": made} if made else {}), **results}


def duplicate(view: View, layout: Layout, record_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a record without its related rows; raises DataApiError 101, 104, 960."""
    parameters.refuse_unknown(body, parameters.SCRIPT_PARAMETERS)
    original = layout.table.record(record_id)
    results = scripts.run(view.data_set, _scripts_of(body))
    copy = layout.table.insert(original.fields)
    return {"recordId": copy.record_id, "modId": str(copy.mod_id), **results}


def delete(view: View, layout: Layout, record_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a record; raises DataApiError 101, also the second time, 104, 960."""
    parameters.refuse_unknown(given, parameters.SCRIPT_PARAMETERS)
    record = layout.table.record(record_id)
    results = scripts.run(view.data_set, _scripts_of(given))
    layout.table.delete(record, frees_id=view.variants.record_ids_are_reused)
    return results


def check_fields(layout: Layout, fields: Mapping[str, object], parse_day: Any = values.parse_date) -> dict[str, Value]:
    """Return the values to store by the names they are stored under; dates as `parse_day` reads them.

    Raises DataApiError 102, 500, 501, 502, 1708.
    """
    stored = {}
    for name, value in fields.items():
        ref = layout.writable(name)
        stored[ref.stored[0]] = values.accept(value, ref.result, parse_day)
    return stored


def _read_fields(view: View, layout: Layout, body: Mapping[str, Any]) -> dict[str, Value]:
    parameters.refuse_unknown(body, _PARAMETERS)
    fields = body.get("fieldData")
    if fields is None:
        raise DataApiError(958)
    if not isinstance(fields, dict):
        raise DataApiError(1708)
    return check_fields(layout, fields, _parse_day(view, body))


def _parse_day(view: View, body: Mapping[str, Any]) -> Any:
    """Return what reads the dates of a write: US ones unless `dateformats` says otherwise."""
    return values.day_parser(parameters.read_dateformats(body.get("dateformats", 0)), view.data_set.date_pattern)


def _scripts_of(body: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    named = {name: value for name, value in body.items() if name.startswith("script")}
    return parameters.from_query(named.items()).scripts
