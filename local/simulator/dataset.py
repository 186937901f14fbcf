"""The data a simulated server hosts: one database, its tables and the layouts that show them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from local.simulator import values
from local.simulator.errors import DataApiError
from local.simulator.index import FieldIndex
from local.simulator.values import Value

DATABASE_FILE: Final = "database.json"

SortOrder = tuple[tuple[str, bool], ...]
"""Field name and whether descending, most significant first."""


class DataSetError(Exception):
    """The data set cannot be loaded; the message names the file or layout and what is wrong with it."""


@dataclass(slots=True)
class Record:
    """One record of a table; `portals` holds its related rows by portal."""

    record_id: str
    mod_id: int
    fields: dict[str, Value]
    portals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Portal:
    """A portal on a layout; its rows are kept with each record under `key`."""

    key: str
    object_name: str | None
    table: str
    fields: dict[str, str]


class Table:
    """The records of one table with the indexes and sort orders made from them."""

    def __init__(self, name: str, fields: Mapping[str, str]) -> None:
        self.name = name
        self.results: dict[str, str] = dict(fields)
        self.records: dict[str, Record] = {}
        self._highest_record_id = 0
        self._rows: list[Record] | None = None
        self._indexes: dict[str, FieldIndex] = {}
        self._orders: dict[SortOrder, list[Record]] = {}

    def load(self, record_id: str, mod_id: int, fields: dict[str, Any], portals: Mapping[str, Any]) -> None:
        """Add a record as the data set has it; fields it leaves out are empty."""
        # Records replace their dictionary and never change it, so a complete one is shared with the source.
        is_complete = tuple(fields) == tuple(self.results)
        complete = fields if is_complete else {name: fields.get(name, "") for name in self.results}
        self._add(Record(record_id, mod_id, complete, dict(portals)))

    def insert(self, fields: Mapping[str, Value]) -> Record:
        """Create a record under a record id that was never used."""
        complete = {name: fields.get(name, "") for name in self.results}
        record = Record(f"{self._highest_record_id + 1}", 0, complete)
        self._add(record)
        return record

    def edit(self, record: Record, fields: Mapping[str, Value]) -> None:
        """Change fields of a record and count its modification id up."""
        record.fields = {**record.fields, **fields}
        record.mod_id += 1
        self._forget(rows=False)

    def delete(self, record: Record) -> None:
        """Remove a record; its record id is not used again."""
        del self.records[record.record_id]
        self._forget(rows=True)

    def record(self, record_id: str) -> Record:
        """Return the record, or raise DataApiError 101."""
        found = self.records.get(record_id)
        if found is None:
            raise DataApiError(101)
        return found

    def rows(self) -> list[Record]:
        """Return all records in creation order."""
        if self._rows is None:
            self._rows = list(self.records.values())
        return self._rows

    def index(self, field_name: str) -> FieldIndex:
        """Return the index of a field, made at the first use after a write."""
        index = self._indexes.get(field_name)
        if index is None:
            index = FieldIndex.build(self.rows(), field_name, self.results[field_name])
            self._indexes[field_name] = index
        return index

    def ordered(self, sort: SortOrder) -> list[Record]:
        """Return all records in a sort order, made at the first use after a write."""
        if not sort:
            return self.rows()
        cached = self._orders.get(sort)
        if cached is None:
            is_plain = len(sort) == 1 and not sort[0][1]
            cached = self.index(sort[0][0]).ascending() if is_plain else self._sorted_by_ranks(sort)
            self._orders[sort] = cached
        return cached

    def _sorted_by_ranks(self, sort: SortOrder) -> list[Record]:
        rows = self.rows()
        for name, descending in reversed(sort):  # stable sorts, least significant field first
            rows = self._sorted_by(rows, self.index(name).ranks(), descending=descending)
        return rows

    @staticmethod
    def _sorted_by(rows: list[Record], ranks: dict[str, int], *, descending: bool) -> list[Record]:
        return sorted(rows, key=lambda record: ranks[record.record_id], reverse=descending)

    def _add(self, record: Record) -> None:
        self.records[record.record_id] = record
        if record.record_id.isdecimal():
            self._highest_record_id = max(self._highest_record_id, int(record.record_id))
        self._forget(rows=True)

    def _forget(self, *, rows: bool) -> None:
        if rows:
            self._rows = None
        self._indexes.clear()
        self._orders.clear()


@dataclass(frozen=True)
class Layout:
    """What a layout shows of its table; `is_table_view` shortens portals on v1 of the API."""

    name: str
    table: Table
    fields: tuple[str, ...]
    metadata: dict[str, dict[str, Any]]
    portals: tuple[Portal, ...]
    value_lists: tuple[dict[str, Any], ...]
    is_table_view: bool

    def result(self, field_name: str) -> str:
        """Return the result type of a field on this layout, or raise DataApiError 102."""
        if field_name not in self.metadata:
            raise DataApiError(102)
        return self.table.results[field_name]

    @property
    def shows_whole_table(self) -> bool:
        """Whether a record's own dictionary is already what this layout shows."""
        return self.fields == tuple(self.table.results)


class DataSet:
    """One hosted database: account, layouts, scripts; can be put back as it was loaded."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description
        try:
            self.database: str = description["database"]
            self.user: str = description["user"]
            self.password: str = description["password"]
        except KeyError as missing:
            raise DataSetError(f"the data set has no {missing}") from missing
        self.scripts: dict[str, dict[str, str]] = dict(description.get("scripts", {}))
        self.layouts: dict[str, Layout] = {}
        self.reset()
        self.layout_tree: list[dict[str, Any]] = description.get(
            "layoutTree", [{"name": name, "table": ""} for name in self.layouts]
        )

    @classmethod
    def read(cls, source: Path | str | Mapping[str, Any]) -> DataSet:
        """Load a directory of JSON files, or the same as a mapping with `layouts` as list or mapping."""
        if isinstance(source, Mapping):
            return cls(source)
        directory = Path(source)
        description = _read_json(directory / DATABASE_FILE)
        layouts = []
        for path in sorted(directory.glob("*.json")):
            if path.name != DATABASE_FILE:
                layouts.append({"layout": unquote(path.stem), **_read_json(path)})
        return cls({**description, "layouts": layouts})

    def reset(self) -> None:
        """Put every layout and record back as the data set was loaded."""
        described = self._description.get("layouts", ())
        if isinstance(described, Mapping):
            described = [{"layout": name, **layout} for name, layout in described.items()]
        tables: dict[str, Table] = {}
        # A layout without records shows the table that another layout brought.
        for with_records in (True, False):
            for layout in described:
                if ("records" in layout) == with_records:
                    self.layouts[layout["layout"]] = _make_layout(layout, tables)
        self.layouts = {layout["layout"]: self.layouts[layout["layout"]] for layout in described}

    def layout(self, name: str) -> Layout:
        """Return the layout, or raise DataApiError 105."""
        found = self.layouts.get(name)
        if found is None:
            raise DataApiError(105)
        return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataSetError(f"{path.name}: {type(error).__name__}: {error}") from error
    if not isinstance(content, dict):
        raise DataSetError(f"{path.name}: expected a JSON object")
    return content


def _make_layout(described: Mapping[str, Any], tables: dict[str, Table]) -> Layout:
    name = described["layout"]
    fields: Sequence[Mapping[str, Any]] = described.get("fields", ())
    results = {item["name"]: item.get("result", "text") for item in fields}
    for field_name, result in results.items():
        if result not in values.RESULTS:
            raise DataSetError(f"layout {name}: field {field_name} has the unknown result type {result!r}")
    if "records" in described:
        table = Table(described.get("table", name), results)
        tables.setdefault(table.name, table)
        _load_records(table, name, described["records"])
    else:
        table = tables.get(described.get("table", name)) or Table(described.get("table", name), results)
        if missing := sorted(set(results) - set(table.results)):
            raise DataSetError(f"layout {name}: table {table.name} has no field {missing[0]}")
    return Layout(
        name=name,
        table=table,
        fields=tuple(results),
        metadata={item["name"]: dict(item) for item in fields},
        portals=tuple(_make_portal(item) for item in described.get("portals", ())),
        value_lists=tuple(described.get("valueLists", ())),
        is_table_view=bool(described.get("tableView", False)),
    )


def _load_records(table: Table, layout_name: str, described: Sequence[Mapping[str, Any]]) -> None:
    for number, record in enumerate(described, start=1):
        try:
            record_id, fields = str(record["recordId"]), record["fieldData"]
        except KeyError as missing:
            raise DataSetError(f"layout {layout_name}: record {number} has no {missing}") from missing
        table.load(record_id, int(record.get("modId", 0)), fields, record.get("portalData", {}))


def _make_portal(described: Mapping[str, Any]) -> Portal:
    object_name = described.get("name")
    return Portal(
        key=object_name or described["table"],
        object_name=object_name,
        table=described["table"],
        fields={item["name"]: item.get("result", "text") for item in described["fields"]},
    )
