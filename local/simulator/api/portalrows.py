"""Related rows that a write makes, changes or deletes through the portals of its layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ..data import values
from ..data.layouts import Layout, Portal
from ..data.record import Record
from ..data.tables import Table
from ..errors import DataApiError

DELETE_RELATED: Final = "deleteRelated"

Rows = dict[str, list[dict[str, Any]]]
"""Related rows by the key they are kept under."""


@dataclass(frozen=True)
class Deletions:
    """A write without its `deleteRelated`, and the (portal, record id) pairs that this named."""

    body: Mapping[str, Any]
    rows: tuple[tuple[str, str], ...]


def take_deleted(body: Mapping[str, Any]) -> Deletions:
    """Take `"fieldData": {"deleteRelated": "Orders.3"}`, or a list of such, out of a write.

    Raises DataApiError 1708 for another form.
    """
    fields = body.get("fieldData")
    if not isinstance(fields, dict) or DELETE_RELATED not in fields:
        return Deletions(body, ())
    named = fields[DELETE_RELATED]
    listed = named if isinstance(named, list) else [named]
    if not all(isinstance(item, str) and "." in item for item in listed):
        raise DataApiError(1708)
    others = {name: value for name, value in fields.items() if name != DELETE_RELATED}
    return Deletions({**body, "fieldData": others}, tuple(tuple(item.rsplit(".", 1)) for item in listed))


def changed(
    layout: Layout,
    record: Record | None,
    written: object,
    parse_day: Callable[[str], date | None],
    *,
    deleted: Sequence[tuple[str, str]] = (),
) -> tuple[Rows, list[dict[str, str]]]:
    """Return the portals of a record as a write leaves them, and `newPortalRecordInfo`; changes nothing itself.

    Raises DataApiError: 101 for a row that does not exist, 102 for a field that is not in the portal, 306 for
    another `modId`, 1708 for an unknown portal or a wrong shape.
    """
    if not isinstance(written, dict):
        raise DataApiError(1708)
    rows: Rows = {}
    made: list[dict[str, str]] = []
    for key, record_id in deleted:
        portal = _portal(layout, key)
        kept = _rows_of(rows, record, portal)
        remaining = [row for row in kept if row["recordId"] != record_id]
        if len(remaining) == len(kept):
            raise DataApiError(101)
        rows[portal.rows_key] = remaining
    for key, changes in written.items():
        portal = _portal(layout, key)
        if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
            raise DataApiError(1708)
        for change in changes:
            fields = _fields(portal, change, parse_day)
            kept = _rows_of(rows, record, portal)
            if "recordId" in change:
                rows[portal.rows_key] = _edited(kept, change, fields)
            else:
                number = _next_record_id(layout.table, portal, kept)
                rows[portal.rows_key] = [*kept, {"recordId": number, "modId": "0", **fields}]
                made.append({"tableName": portal.table, "recordId": number, "modId": "0"})
    return rows, made


def _portal(layout: Layout, key: str) -> Portal:
    for portal in layout.portals:
        if portal.key == key:
            return portal
    raise DataApiError(1708)


def _rows_of(rows: Rows, record: Record | None, portal: Portal) -> list[dict[str, Any]]:
    if portal.rows_key in rows:
        return rows[portal.rows_key]
    return [] if record is None else record.portals.get(portal.rows_key, [])


def _fields(portal: Portal, change: Mapping[str, Any], parse_day: Callable[[str], date | None]) -> dict[str, Any]:
    fields = {}
    for name, value in change.items():
        if name in ("recordId", "modId"):
            continue
        if name not in portal.fields:
            raise DataApiError(102)
        fields[name] = values.accept(value, portal.fields[name], parse_day)
    return fields


def _edited(kept: list[dict[str, Any]], change: Mapping[str, Any], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    record_id = str(change["recordId"])
    row = next((row for row in kept if row["recordId"] == record_id), None)
    if row is None:
        raise DataApiError(101)
    mod_id = row["modId"]
    if "modId" in change and str(change["modId"]) != mod_id:
        raise DataApiError(306)
    edited = {**row, **fields, "modId": str(int(mod_id) + 1)}
    return [edited if other is row else other for other in kept]


def _next_record_id(table: Table, portal: Portal, kept: Sequence[Mapping[str, Any]]) -> str:
    """Return a record id above all in the portal's rows, of this record and every other."""
    used = [row["recordId"] for record in table.rows() for row in record.portals.get(portal.rows_key, ())]
    used += [row["recordId"] for row in kept]
    return str(max((int(number) for number in used if number.isascii() and number.isdecimal()), default=0) + 1)
