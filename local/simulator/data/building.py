"""Builds tables and layouts from the description of a data set, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import DataSetError
from . import shapes, values
from .fields import FieldRef, stored_names
from .filling import Loader
from .layouts import VALUE_LIST_SOURCES, Layout, Portal, ShownField
from .record import Record
from .tables import Table

MOST_REPETITIONS: Final = 32_000  # FileMaker's own limit


def build_layouts(given: object, directory: Path | None) -> dict[str, Layout]:
    """Return the layouts by name, in the order given: a list, or a mapping from layout name.

    Container files are looked for in `directory`. Raises DataSetError.
    """
    described = _listed(given)
    names = [layout["layout"] for layout in described]
    if len(set(names)) < len(names):
        raise DataSetError(f"layout {next(name for name in names if names.count(name) > 1)}: described twice")
    tables: dict[str, Table] = {}
    built: dict[str, Layout] = {}
    # A layout without records shows the table that another layout brought.
    for with_records in (True, False):
        for layout in described:
            if ("records" in layout) == with_records:
                built[layout["layout"]] = _build(layout, tables, directory)
    for one in built.values():
        _check_references(one)
    _check_portal_rows(built.values())
    return {name: built[name] for name in names}


def _listed(given: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(given, Mapping):
        given = [
            {"layout": name, **layout} if isinstance(layout, Mapping) else layout for name, layout in given.items()
        ]
    if not isinstance(given, (list, tuple)):
        raise DataSetError("'layouts' must be a list, or an object by layout name")
    for layout in given:
        shapes.check_layout(layout)
    return given


def _build(described: Mapping[str, Any], tables: dict[str, Table], directory: Path | None) -> Layout:
    name = described["layout"]
    where = f"layout {name}"
    fields = _read_fields(described, where)
    portals = tuple(_build_portal(item, where) for item in described.get("portals", ()))
    results = {stored: item["result"] for item in fields for stored in _stored(item)}
    table_name = described.get("table", name)
    if "records" in described:
        table = Table(table_name, results)
        tables.setdefault(table_name, table)
        Loader(table, fields, portals, name, directory).load(described["records"])
    else:
        if table_name not in tables and not described.get("tableMissing", False):
            raise DataSetError(f"{where} has no records, and no other layout brings those of its table {table_name}")
        table = tables.get(table_name) or Table(table_name, results)
        if missing := sorted(set(results) - set(table.results)):
            raise DataSetError(f"{where}: table {table.name} has no field {missing[0]}")
    return Layout(
        name=name,
        table=table,
        shown=tuple(shown for item in fields for shown in _shown(item)),
        metadata=tuple(dict(item) for item in fields),
        portals=portals,
        value_lists=tuple(dict(item) for item in described.get("valueLists", ())),
        is_table_view=described.get("tableView", False),
        data_source=described.get("dataSource"),
        has_table=not described.get("tableMissing", False),
        refs=_refs(fields, portals),
    )


def _read_fields(described: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    fields = []
    for item in described.get("fields", ()):
        read = {"result": "text", "maxRepeat": item.get("repetitionEnd", 1), "repetitionStart": 1, **item}
        read.setdefault("repetitionEnd", read["maxRepeat"])
        name = read["name"]
        if read["result"] not in values.RESULTS:
            raise DataSetError(f"{where}: field {name} has the unknown result type {read['result']!r}")
        first, last, most = read["repetitionStart"], read["repetitionEnd"], read["maxRepeat"]
        if not 1 <= first <= last <= most <= MOST_REPETITIONS:
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
    table = described["table"]
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


def _check_references(layout: Layout) -> None:
    """Refuse value lists and validations that name what the layout does not have."""
    where = f"layout {layout.name}"
    for item in layout.value_lists:
        for key in VALUE_LIST_SOURCES:
            if key in item and item[key] not in layout.refs:
                raise DataSetError(f"{where}: value list {item['name']}: there is no field {item[key]!r}")
    for field in layout.metadata:
        rules = field.get("validation", {})
        if "valueList" in rules and layout.value_list(rules["valueList"]) is None:
            raise DataSetError(f"{where}: field {field['name']}: there is no value list {rules['valueList']!r}")
        for bound in rules.get("range", ()):
            if values.index_key(bound, field["result"]) is None:
                raise DataSetError(f"{where}: field {field['name']}: the bound {bound!r} is no {field['result']}")


def _check_portal_rows(layouts: Iterable[Layout]) -> None:
    """Refuse rows, and fields of rows, that no portal of any layout of their table shows: misspelt names."""
    known: dict[int, dict[str, set[str]]] = {}
    tables: dict[int, Table] = {}
    for layout in layouts:
        key = id(layout.table)
        tables[key] = layout.table
        for portal in layout.portals:
            fields = known.setdefault(key, {}).setdefault(portal.rows_key, {"recordId", "modId"})
            fields.update(portal.fields)
    for key, table in tables.items():
        for record in table.rows():
            if record.portals:
                _check_rows_of(record, known.get(key, {}), f"table {table.name}: record {record.record_id}")


def _check_rows_of(record: Record, known: Mapping[str, set[str]], where: str) -> None:
    for portal, rows in record.portals.items():
        if portal not in known:
            raise DataSetError(f"{where} has rows of no portal {portal!r}")
        for row in rows:
            if not known[portal].issuperset(row):
                unknown = sorted(set(row) - known[portal])
                raise DataSetError(f"{where}: field {unknown[0]} is not among those of portal {portal}")
