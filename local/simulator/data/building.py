"""Builds tables and layouts from the description of a data set, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataSetError
from . import values
from .fields import FieldRef, stored_names
from .filling import Loader
from .layouts import Layout, Portal, ShownField
from .tables import Table


def build_layouts(described: Sequence[Mapping[str, Any]], directory: Path | None) -> dict[str, Layout]:
    """Return the layouts by name, in the order described; container files are looked for in `directory`.

    Raises DataSetError.
    """
    names = [_need(layout, "layout", "a layout") for layout in described]
    if len(set(names)) < len(names):
        raise DataSetError(f"layout {next(name for name in names if names.count(name) > 1)}: described twice")
    tables: dict[str, Table] = {}
    built: dict[str, Layout] = {}
    # A layout without records shows the table that another layout brought.
    for with_records in (True, False):
        for layout in described:
            if ("records" in layout) == with_records:
                built[layout["layout"]] = _build(layout, tables, directory)
    _check_portal_rows(built.values())
    return {name: built[name] for name in names}


def _build(described: Mapping[str, Any], tables: dict[str, Table], directory: Path | None) -> Layout:
    name = described["layout"]
    where = f"layout {name}"
    fields = _read_fields(described, where)
    portals = tuple(_build_portal(item, where) for item in _objects(described, "portals", where))
    results = {stored: item["result"] for item in fields for stored in _stored(item)}
    table_name = described.get("table", name)
    if "records" in described:
        table = Table(table_name, results)
        tables.setdefault(table_name, table)
        Loader(table, fields, portals, name, directory).load(_objects(described, "records", where))
    else:
        table = tables.get(table_name) or Table(table_name, results)
        if missing := sorted(set(results) - set(table.results)):
            raise DataSetError(f"{where}: table {table.name} has no field {missing[0]}")
    return Layout(
        name=name,
        table=table,
        shown=tuple(shown for item in fields for shown in _shown(item)),
        metadata=tuple(dict(item) for item in fields),
        portals=portals,
        value_lists=tuple(dict(item) for item in _objects(described, "valueLists", where)),
        is_table_view=bool(described.get("tableView", False)),
        data_source=described.get("dataSource"),
        has_table=not described.get("tableMissing", False),
        refs=_refs(fields, portals),
    )


def _read_fields(described: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    fields = []
    for item in _objects(described, "fields", where):
        read = {"result": "text", "maxRepeat": item.get("repetitionEnd", 1), "repetitionStart": 1, **item}
        read.setdefault("repetitionEnd", read["maxRepeat"])
        name = _need(read, "name", f"{where}: a field")
        if read["result"] not in values.RESULTS:
            raise DataSetError(f"{where}: field {name} has the unknown result type {read['result']!r}")
        first, last, most = read["repetitionStart"], read["repetitionEnd"], read["maxRepeat"]
        if not all(isinstance(number, int) for number in (first, last, most)) or not 1 <= first <= last <= most:
            raise DataSetError(f"{where}: field {name} has repetitions {first} to {last} of {most}")
        fields.append(read)
    names = [item["name"] for item in fields]
    if len(set(names)) < len(names):
        raise DataSetError(f"{where}: field {next(name for name in names if names.count(name) > 1)} stands twice")
    return fields


def _stored(field: Mapping[str, Any]) -> tuple[str, ...]:
    return stored_names(field["name"], field["maxRepeat"])


def _shown(field: Mapping[str, Any]) -> list[ShownField]:
    """Return the entries a field makes in `fieldData`: one for each repetition the layout shows."""
    stored, first, last = _stored(field), field["repetitionStart"], field["repetitionEnd"]
    if first == last == 1:
        return [ShownField(field["name"], stored[0], field["result"])]
    return [ShownField(name, name, field["result"]) for name in stored[first - 1 : last]]


def _refs(fields: Iterable[Mapping[str, Any]], portals: Iterable[Portal]) -> dict[str, FieldRef]:
    in_portals = {
        name: FieldRef(result, (name,), portal.rows_key) for portal in portals for name, result in portal.fields.items()
    }
    return {**in_portals, **{item["name"]: FieldRef(item["result"], _stored(item)) for item in fields}}


def _build_portal(described: Mapping[str, Any], where: str) -> Portal:
    table = _need(described, "table", f"{where}: a portal")
    object_name = described.get("name")
    key = object_name or table
    fields = _read_fields(described, f"{where}: portal {key}")
    return Portal(
        key=key,
        object_name=object_name,
        table=table,
        fields={item["name"]: item["result"] for item in fields},
        rows_key=described.get("rows", key),
        metadata=tuple(fields),
    )


def _check_portal_rows(layouts: Iterable[Layout]) -> None:
    """Refuse rows that no portal of any layout of their table shows: a misspelt name."""
    known: dict[int, set[str]] = {}
    tables = {}
    for layout in layouts:
        tables[id(layout.table)] = layout.table
        known.setdefault(id(layout.table), set()).update(portal.rows_key for portal in layout.portals)
    for key, table in tables.items():
        for record in table.rows():
            if record.portals and (unknown := sorted(set(record.portals) - known[key])):
                raise DataSetError(
                    f"table {table.name}: record {record.record_id} has rows of no portal {unknown[0]!r}"
                )


def _need(described: Mapping[str, Any], name: str, where: str) -> Any:
    if not isinstance(described, Mapping) or name not in described:
        raise DataSetError(f"{where} has no {name!r}")
    return described[name]


def _objects(described: Mapping[str, Any], name: str, where: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects from a description, an empty one where it has none of that name."""
    listed = described.get(name, ())
    if not isinstance(listed, (list, tuple)) or not all(isinstance(item, Mapping) for item in listed):
        raise DataSetError(f"{where}: {name!r} must be a list of objects")
    return listed
