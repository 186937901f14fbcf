"""What a mapping file says: an entity's layout and key, and how each Nexus column is filled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from nexus_import.core.scope import ScopeRule
from nexus_import.core.values import DateForm, NamePart
from nexus_import.core.yaml_files import Mistake, Places

ColumnType = Literal[
    "text",
    "date",
    "wall_time",
    "day_start",
    "timestamp",
    "integer",
    "number",
    "boolean",
    "uuid",
    "sex",
    "title",
    "code",
    "phone",
    "email",
    "post_code",
    "text_list",
]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)

POSTGRES_TYPES: dict[str, str] = dict.fromkeys(COLUMN_TYPES, "text") | {
    "date": "date",
    "wall_time": "timestamptz",
    "day_start": "timestamptz",
    "timestamp": "timestamptz",
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "uuid": "uuid",
    "text_list": "jsonb",
}
"""How a value of each type is staged."""
DetailShape = Literal["contacts", "addresses"]
DATE_TYPES = frozenset({"date", "wall_time", "day_start", "timestamp"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Strict):
    """How one Nexus column is filled.

    `field` names the FileMaker field; `time_field` the field with the time of day for a wall time,
    `time_when_missing` the time of a day that stands alone; `format` says how dates are written. `lookup` names the
    preserved table whose row is found: by the FileMaker id in `id_field`, by the name in `field`, by an alias.
    `reference` names the entity whose FileMaker id the field holds.

    `required` makes an empty value a finding. `keep_when_empty` lets an empty value leave Nexus's own alone.
    `clinical` text that was edited in Nexus is kept; `only_new` fills new rows only. `empty` is the value for an
    empty field where NULL is not allowed. `choices` limits codes, `otherwise` replaces others.
    `length_from` names the look-up whose duration makes an end out of `start_time` when the field is empty, without
    one `length_minutes` does; `when_before_start: length` lets it also replace an end that lies before its start.
    `part` takes one part of a name that is written as one text.
    `details` names the entity whose records are gathered into the column instead of a field, in a `shape` that the
    application reads.
    """

    field: str = ""
    type: ColumnType = "text"
    format: DateForm = "us_or_iso"
    time_field: str | None = None
    time_when_missing: str | None = Field(default=None, pattern=r"^\d\d:\d\d$")
    lookup: str | None = None
    id_field: str | None = None
    reference: str | None = None
    required: bool = False
    keep_when_empty: bool = False
    clinical: bool = False
    only_new: bool = False
    empty: bool | int | str | None = None
    choices: tuple[str, ...] = ()
    otherwise: str | None = None
    length_from: str | None = None
    length_minutes: int | None = Field(default=None, ge=1)
    when_before_start: Literal["length"] | None = None
    part: NamePart | None = None
    details: str | None = None
    shape: DetailShape | None = None

    @property
    def has_length(self) -> bool:
        """Tell whether an end is made out of the start where the field is empty."""
        return self.length_from is not None or self.length_minutes is not None

    def fields(self) -> Iterator[tuple[str, str]]:
        """Yield each option that names a FileMaker field, and the field."""
        if self.field:
            yield "field", self.field
        if self.time_field:
            yield "time_field", self.time_field
        if self.id_field:
            yield "id_field", self.id_field


class EntityMapping(_Strict):
    """One entity: its layout, its key field or fields, the Nexus table it fills and the columns.

    `table` is None for entities that are only evidence (documents, images). `defaults` are the application's
    defaults for columns that no field fills, as SQL literals' JSON values; "now" stands for the run's time.
    `aliases` give Nexus's name for FileMaker's spellings, by table. `out_of_scope` names the rules by which records
    are skipped, or imported without what their like must have. `adopt_by` names columns: a row of Nexus that came
    from nowhere known and is equal to a record in all of them is that record's. `records_of` reads the records of
    another entity once more, `optional` lets the layout be missing: then the entity is left alone. `key_is: name`
    says that the key is the name of something that has no id: however often it is written, it is one row.
    """

    entity: str
    layout: str
    key: str | tuple[str, ...] = "id"
    key_is: Literal["id", "name"] = "id"
    label: str
    table: str | None = None
    columns: dict[str, ColumnMapping]
    defaults: dict[str, Any] = Field(default_factory=dict)
    aliases: dict[str, dict[str, str]] = Field(default_factory=dict)
    metadata_key: str | None = None
    event_key: str | None = None
    out_of_scope: dict[str, ScopeRule] = Field(default_factory=dict)
    adopt_by: tuple[str, ...] = ()
    records_of: str | None = None
    optional: bool = False
    _places: Places | None = PrivateAttr(default=None)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields that make a record's id: one, or several where no field does alone."""
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def key_name(self) -> str:
        """What a person calls the id: the field, or all of them."""
        return ", ".join(self.key_fields)

    def stands_in(self, places: Places) -> EntityMapping:
        """Keep where the mapping was read from, so that later mistakes name the line too."""
        self._places = places
        return self

    def mistake(self, key: str, what: str) -> Mistake:
        """Return a mistake of the mapping at a key such as `columns.dob.type`."""
        return (self._places or Places(f"{self.entity}.yaml")).mistake(key, what)

    def fields(self) -> list[str]:
        """Return every FileMaker field the mapping reads, the key first, none twice."""
        return list(dict.fromkeys(field for _, field in self.keys_of_fields()))

    def keys_of_fields(self) -> Iterator[tuple[str, str]]:
        """Yield each key of the file that names a FileMaker field, and the field."""
        for field in self.key_fields:
            yield "key", field
        for name, column in self.columns.items():
            for option, field in column.fields():
                yield f"columns.{name}.{option}", field
        for name, rule in self.out_of_scope.items():
            for field in rule.fields:
                yield f"out_of_scope.{name}.field", field

    def staged_columns(self) -> dict[str, str]:
        """Return the staging table's columns after the fixed ones, with their PostgreSQL types.

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
            elif column.details:
                staged[name] = "jsonb"
            else:
                staged[name] = POSTGRES_TYPES[column.type]
        return staged
