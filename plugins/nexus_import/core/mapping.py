"""The mapping files: which FileMaker field fills which Nexus column, and how one record becomes one row.

`include/mapping/<entity>.yaml` is read into `EntityMapping`; `RowMapper` applies it. Both are pure: look-ups are
given as dictionaries. Errors name the file, the key and the nearest valid name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nexus_import.core import values
from nexus_import.errors import ConfigurationError

ColumnType = Literal["text", "date", "wall_time", "day_start", "integer", "uuid", "sex", "code", "text_list"]

POSTGRES_TYPES: dict[str, str] = {
    "text": "text",
    "date": "date",
    "wall_time": "timestamptz",
    "day_start": "timestamptz",
    "integer": "integer",
    "uuid": "uuid",
    "sex": "text",
    "code": "text",
    "text_list": "jsonb",
}
DEFAULT_APPOINTMENT_MINUTES = 30


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Strict):
    """How one Nexus column is filled.

    `field` names the FileMaker field; `time_field` the field with the time of day for a wall time. `lookup`
    names the preserved table whose row is found by name; `reference` the entity whose FileMaker id the field
    holds. `clinical` text that was edited in Nexus is kept; `only_new` fills new rows only. `empty` is the
    value for an empty field where NULL is not allowed. `choices` limits codes, `otherwise` replaces others.
    `length_from` names the look-up whose duration makes an end out of `start_time` when the field is empty.
    """

    field: str
    type: ColumnType = "text"
    time_field: str | None = None
    lookup: str | None = None
    reference: str | None = None
    clinical: bool = False
    only_new: bool = False
    empty: str | None = None
    choices: tuple[str, ...] = ()
    otherwise: str | None = None
    length_from: str | None = None

    def fields(self) -> Iterator[str]:
        """Yield the FileMaker fields this column reads."""
        yield self.field
        if self.time_field:
            yield self.time_field


class EntityMapping(_Strict):
    """One entity: its layout, its key field, the Nexus table it fills and the columns.

    `table` is None for entities that are only evidence (documents, images). `defaults` are the application's
    defaults for columns that no field fills, as SQL literals' JSON values; "now" stands for the run's time.
    `adopt_by` names columns: a row of Nexus that came from nowhere known and is equal to a record in all of them is
    that record's. `records_of` reads the records of another entity once more, `optional` lets the layout be missing:
    then the entity is left alone.
    """

    entity: str
    layout: str
    key: str = "id"
    label: str
    table: str | None = None
    columns: dict[str, ColumnMapping]
    defaults: dict[str, Any] = Field(default_factory=dict)
    aliases: dict[str, dict[str, str]] = Field(default_factory=dict)
    metadata_key: str | None = None
    event_key: str | None = None
    adopt_by: tuple[str, ...] = ()
    records_of: str | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _columns_do_not_clash(self) -> EntityMapping:
        clash = sorted(set(self.columns) & set(self.defaults))
        if clash:
            raise ValueError(f"{', '.join(clash)} is both in columns and in defaults: remove it from defaults")
        for name, column in self.columns.items():
            if column.lookup and column.reference:
                raise ValueError(f"columns.{name} has both lookup and reference: remove one of them")
        return self

    def fields(self) -> list[str]:
        """Return every FileMaker field the mapping reads, the key first, none twice."""
        names = [self.key]
        names += [field for column in self.columns.values() for field in column.fields()]
        return list(dict.fromkeys(names))

    def staged_columns(self) -> dict[str, str]:
        """Return the staging table's columns after the three fixed ones, with their PostgreSQL types.

        A look-up is staged twice: the name as FileMaker has it (`clinic_id` -> `clinic_id_name`) and the
        Nexus id that was found. A reference is staged as the other record's FileMaker id.
        """
        staged: dict[str, str] = {}
        for name, column in self.columns.items():
            if column.lookup:
                staged[f"{name}_name"] = "text"
                staged[name] = "uuid"
            elif column.reference:
                staged[f"{name}_filemaker_id"] = "text"
            else:
                staged[name] = POSTGRES_TYPES[column.type]
        return staged


@dataclass(frozen=True)
class LookupRow:
    """One row of a preserved table as look-ups need it; `minutes` is an appointment type's duration."""

    nexus_id: UUID
    name: str
    minutes: int | None = None


@dataclass(frozen=True)
class Lookup:
    """A preserved table by folded name; names that two rows share are `ambiguous` and find nothing."""

    rows: Mapping[str, LookupRow]
    ambiguous: frozenset[str] = frozenset()

    @classmethod
    def from_rows(cls, rows: list[LookupRow], aliases: Mapping[str, str] | None = None) -> Lookup:
        """Index rows by folded name, then add the aliases (FileMaker's spelling -> Nexus name)."""
        found: dict[str, LookupRow] = {}
        ambiguous: set[str] = set()
        for row in rows:
            key = values.fold_name(row.name)
            if key in found:
                ambiguous.add(key)
            found[key] = row
        for key in ambiguous:
            del found[key]
        for alias, name in (aliases or {}).items():
            target = found.get(values.fold_name(name))
            if target is not None:
                found[values.fold_name(alias)] = target
        return cls(found, frozenset(ambiguous))

    def find(self, name: object) -> LookupRow | None:
        """Return the row of that name, or None when it is unknown or ambiguous."""
        return self.rows.get(values.fold_name(name))

    def is_ambiguous(self, name: object) -> bool:
        """Tell whether Nexus has more than one row of that name."""
        return values.fold_name(name) in self.ambiguous

    def nearest(self, name: object) -> str | None:
        """Return the Nexus name most like `name`, or None when none is near."""
        near = get_close_matches(values.fold_name(name), list(self.rows), n=1, cutoff=0.6)
        return self.rows[near[0]].name if near else None


@dataclass(frozen=True)
class ValueFinding:
    """A value that could not be read: where it stands, and the rule it breaks."""

    record_id: str
    filemaker_id: str | None
    field: str
    rule: str


class RowMapper:
    """Turns FileMaker records of one entity into staging rows."""

    def __init__(
        self,
        mapping: EntityMapping,
        lookups: Mapping[str, Lookup],
        zone: ZoneInfo,
        max_lengths: Mapping[str, int | None],
    ) -> None:
        """Keep the look-ups by the preserved table's name, and the columns' lengths in characters."""
        self.mapping = mapping
        self._max_lengths = max_lengths
        self._lookups = lookups
        self._zone = zone

    def column_names(self) -> list[str]:
        """Return the staging columns in the order `row` gives them."""
        return [
            "record_id",
            "mod_id",
            "filemaker_id",
            "filemaker_id_text",
            "nexus_id",
            *self.mapping.staged_columns(),
        ]

    def row(
        self, record_id: str, mod_id: str, fields: Mapping[str, object]
    ) -> tuple[tuple[object, ...], list[ValueFinding]]:
        """Return the staging row and what could not be read (those values are None in the row)."""
        findings: list[ValueFinding] = []
        spelling, filemaker_id = None, None
        try:
            spelling = values.read_text(fields.get(self.mapping.key))
            # Where the id goes into a column of its own, that column is a uuid.
            values.read_uuid(spelling if self.mapping.event_key else None)
            filemaker_id = values.read_filemaker_id(spelling)
        except values.UnreadableValue as error:
            findings.append(ValueFinding(record_id, spelling, self.mapping.key, error.rule))
        nexus_id = values.new_nexus_id(self.mapping.entity, filemaker_id) if filemaker_id else None
        row: dict[str, object] = {}
        for name, column in self.mapping.columns.items():
            try:
                self._fill(row, name, column, fields)
            except values.UnreadableValue as error:
                findings.append(ValueFinding(record_id, filemaker_id, column.field, error.rule))
        staged = tuple(row.get(name) for name in self.mapping.staged_columns())
        return (record_id, mod_id, filemaker_id, spelling, nexus_id, *staged), findings

    def _fill(self, row: dict[str, object], name: str, column: ColumnMapping, fields: Mapping[str, object]) -> None:
        raw = fields.get(column.field)
        if column.lookup:
            found = self._lookups[column.lookup].find(raw)
            row[f"{name}_name"] = values.read_text(raw)
            row[name] = found.nexus_id if found else None
        elif column.reference:
            row[f"{name}_filemaker_id"] = values.read_filemaker_id(raw)
        else:
            value = self._read(column, raw, fields)
            if value is None and column.length_from:
                value = self._end_from_length(row, column, fields)
            limit = self._max_lengths.get(name)
            if limit is not None and isinstance(value, str) and len(value) > limit:
                raise values.UnreadableValue(f"is longer than {limit} characters")
            row[name] = column.empty if value is None else value

    def _read(self, column: ColumnMapping, raw: object, fields: Mapping[str, object]) -> object:
        match column.type:
            case "wall_time":
                if column.time_field and values.read_text(fields.get(column.time_field)) is None:
                    self._without_clock(column, raw)
                    return None
                return values.read_wall_time(raw, fields.get(column.time_field or ""), self._zone)
            case "day_start":
                return values.read_wall_time(raw, None, self._zone)
            case "date":
                return values.read_date(raw)
            case "integer":
                return values.read_integer(raw)
            case "uuid":
                return values.read_uuid(raw)
            case "sex":
                return values.read_sex(raw)
            case "code":
                code = values.read_code(raw)
                return column.otherwise if code and column.choices and code not in column.choices else code
            case "text_list":
                text = values.read_text(raw)
                return json.dumps([text] if text else [])
            case _:
                return values.read_text(raw)

    @staticmethod
    def _without_clock(column: ColumnMapping, day: object) -> None:
        """Take a day without a time for no end; a start needs both."""
        if values.read_date(day) is not None and not column.length_from:
            raise values.UnreadableValue("has a date but no time")

    def _end_from_length(self, row: dict[str, object], column: ColumnMapping, fields: Mapping[str, object]) -> object:
        start: Any = row.get("start_time")
        if start is None:
            return None
        length = self.mapping.columns[column.length_from or ""]
        found = self._lookups[length.lookup or ""].find(fields.get(length.field))
        minutes = found.minutes if found and found.minutes else DEFAULT_APPOINTMENT_MINUTES
        return start + timedelta(minutes=minutes)


def load_mappings(folder: Path) -> dict[str, EntityMapping]:
    """Read every mapping file of the folder, by entity.

    Raises `ConfigurationError` that names the file and key of the first mistake.
    """
    mappings: dict[str, EntityMapping] = {}
    files: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            mapping = EntityMapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path.name} is not YAML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{path.name}: {where}: {first['msg']}") from error
        if other := files.get(mapping.entity):
            raise ConfigurationError(f"{path.name}: entity: {mapping.entity} is mapped in {other} already")
        files[mapping.entity] = path.name
        mappings[mapping.entity] = mapping
    if not mappings:
        raise ConfigurationError(f"{folder} holds no mapping file; the import reads include/mapping/<entity>.yaml")
    return mappings
