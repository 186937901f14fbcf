"""How one FileMaker record becomes one staging row, and what is found on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nexus_import.core import values
from nexus_import.core.mapping.entity import ColumnMapping, EntityMapping
from nexus_import.core.mapping.lookups import DISAGREE, Lookup
from nexus_import.core.values.ids import MAX_ID_CHARACTERS

DEFAULT_APPOINTMENT_MINUTES = 30
KEY_SEPARATOR = "|"
"""Between the parts of an id that several fields make."""
READABLE = "phase_0/values_are_readable"
USUAL = "phase_0/values_are_usual"
REQUIRED = "phase_0/required_fields"
AGREE = "phase_0/ids_and_names_agree"
BEFORE_START = "ends before it starts; its usual length was taken"
MAX_NAME_CHARACTERS = 200
LONG_NAME = f"(longer than {MAX_NAME_CHARACTERS} characters)"
"""Shown in place of what can be no name: a text that somebody pasted into the wrong field must not reach a log."""
IS_EMPTY = "is empty, and the mapping requires it"

_READERS: dict[str, Callable[[object], object]] = {
    "text": values.read_text,
    "integer": values.read_integer,
    "number": values.read_number,
    "boolean": values.read_boolean,
    "uuid": values.read_uuid,
    "sex": values.read_sex,
    "title": values.read_title,
    "phone": values.read_phone,
    "email": values.read_email,
    "post_code": values.read_post_code,
}
_KEY_READERS: dict[str, Callable[[object], str | None]] = {
    "id": values.read_filemaker_id,
    "name": values.read_name_key,
}


@dataclass(frozen=True)
class ValueFinding:
    """A value that a person should look at: where it stands, the rule it breaks, and the check that reports it."""

    record_id: str
    filemaker_id: str | None
    field: str
    rule: str
    check_id: str = READABLE


@dataclass
class _Record:
    """One record at work: its fields, the row so far, the columns Nexus keeps, and (field, rule, check) as found."""

    fields: Mapping[str, object]
    row: dict[str, object] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    found: list[tuple[str, str, str]] = field(default_factory=list)

    def find(self, where: str, rule: str, check_id: str) -> None:
        """Note what is wrong with a field, once however many columns it fills."""
        if (where, rule) not in [(field, known) for field, known, _ in self.found]:
            self.found.append((where, rule, check_id))


class RowMapper:
    """Turns FileMaker records of one entity into staging rows."""

    def __init__(
        self,
        mapping: EntityMapping,
        lookups: Mapping[str, Lookup],
        zone: ZoneInfo,
        column_types: Mapping[str, str],
        key_kinds: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the look-ups by the preserved table's name, and the Nexus columns' types as PostgreSQL writes them.

        `key_kinds` says of the entities that are referred to what their key is: an id, unless it says name.
        """
        self.mapping = mapping
        self._column_types = column_types
        self._lookups = lookups
        self._zone = zone
        self._key_kinds = key_kinds or {}

    def column_names(self) -> list[str]:
        """Return the staging columns in the order `row` gives them."""
        return [
            "record_id",
            "mod_id",
            "filemaker_id",
            "filemaker_id_text",
            "nexus_id",
            "kept_columns",
            *self.mapping.staged_columns(),
        ]

    def row(
        self, record_id: str, mod_id: str, fields: Mapping[str, object]
    ) -> tuple[tuple[object, ...], list[ValueFinding]]:
        """Return the staging row and what was found.

        A value that cannot be used is None in the row and its column is among `kept_columns`: a row that Nexus has
        keeps its own value there.
        """
        record = _Record(fields)
        spelling, filemaker_id = self._read_key(record)
        for name, column in self.mapping.columns.items():
            self._fill(record, name, column)
        nexus_id = values.new_nexus_id(self.mapping.entity, filemaker_id) if filemaker_id else None
        staged = (record.row.get(name) for name in self.mapping.staged_columns())
        named = spelling if spelling and len(spelling) <= MAX_ID_CHARACTERS else None
        findings = [ValueFinding(record_id, named, *found) for found in record.found]
        return (record_id, mod_id, filemaker_id, spelling, nexus_id, record.kept, *staged), findings

    def _read_key(self, record: _Record) -> tuple[str | None, str | None]:
        """Return the record's id as FileMaker spells it and as it is compared."""
        spellings, parts = [], []
        for name in self.mapping.key_fields:
            try:
                spelling, part = self._read_key_field(record.fields.get(name))
            except values.UnreadableValue as error:
                record.find(name, error.rule, READABLE)
                spelling, part = self._spelling(record.fields.get(name)), None
            spellings.append(spelling)
            parts.append(part)
        named = KEY_SEPARATOR.join(spelling for spelling in spellings if spelling is not None) or None
        return named, None if None in parts else KEY_SEPARATOR.join(str(part) for part in parts)

    def _read_key_field(self, value: object) -> tuple[str | None, str | None]:
        if self.mapping.key_is == "name":  # which is shown nowhere
            key = values.read_name_key(value)
            return key, key
        # Where the id goes into a column of its own, that column is a uuid.
        values.read_uuid(value if self.mapping.event_key else None)
        return values.read_text(value), values.read_filemaker_id(value)

    def _spelling(self, value: object) -> str | None:
        with suppress(values.UnreadableValue):
            return values.read_text(value) if self.mapping.key_is == "id" else None
        return None

    def _fill(self, record: _Record, name: str, column: ColumnMapping) -> None:
        if column.details:  # gathered when the other entity's records are staged too
            return
        try:
            if column.lookup:
                is_empty = self._look_up(record, name, column)
            elif column.reference:
                read_key = _KEY_READERS[self._key_kinds.get(column.reference, "id")]
                found = read_key(record.fields.get(column.field))
                record.row[f"{name}_filemaker_id"] = found
                is_empty = found is None
            else:
                is_empty = self._fill_value(record, name, column)
        except values.UnreadableValue as error:
            record.find(column.field, error.rule, REQUIRED if column.required else READABLE)
            self._fill_unreadable(record, name, column)
            return
        if is_empty and column.required:
            record.find(column.field, IS_EMPTY, REQUIRED)
        if is_empty and column.keep_when_empty:
            record.kept.append(name)

    def _fill_unreadable(self, record: _Record, name: str, column: ColumnMapping) -> None:
        """Leave the column to Nexus; an end that cannot be read becomes the length after its start."""
        end = None
        if column.has_length:
            with suppress(values.UnreadableValue):
                end = self._end_from_length(record, column)
        if end is None:
            record.kept.append(name)
        record.row.setdefault(name, column.empty if end is None else end)

    def _look_up(self, record: _Record, name: str, column: ColumnMapping) -> bool:
        """Stage the name and the row it means; return whether there is neither name nor id."""
        filemaker_id, text = self._id_and_name(record.fields, column)
        found, is_agreed = self._lookups[column.lookup or ""].resolve(filemaker_id, text)
        if not is_agreed:
            record.find(column.id_field or column.field, DISAGREE, AGREE)
        if found is None and (text or filemaker_id):
            record.kept.append(name)
        shown = text if text is None or len(text) <= MAX_NAME_CHARACTERS else LONG_NAME
        record.row[f"{name}_name"] = shown or (found.name if found else filemaker_id)
        record.row[name] = found.nexus_id if found else None
        return text is None and filemaker_id is None

    @staticmethod
    def _id_and_name(fields: Mapping[str, object], column: ColumnMapping) -> tuple[str | None, str | None]:
        filemaker_id = values.read_filemaker_id(fields.get(column.id_field)) if column.id_field else None
        return filemaker_id, values.read_words(fields.get(column.field)) or None

    def _fill_value(self, record: _Record, name: str, column: ColumnMapping) -> bool:
        """Stage a value that fits its column; return whether FileMaker has none."""
        raw, unusual = record.fields.get(column.field), None
        try:
            value = self._read(column, raw, record.fields)
        except values.UnusualValue as error:
            value, unusual = error.value, error
        if value is None and column.has_length:
            value = self._end_from_length(record, column)
        elif column.when_before_start and self._is_before_start(record, value):
            value, unusual = self._end_from_length(record, column), values.UnusualValue(BEFORE_START, is_stored=True)
        is_empty = values.read_text(raw) is None and not (column.has_length and value is not None)
        values.fit(value, self._column_types.get(name, ""))
        if unusual:
            record.find(column.field, unusual.rule, USUAL)
            if not unusual.is_stored:
                record.kept.append(name)
        record.row[name] = column.empty if value is None else value
        return is_empty

    def _read(self, column: ColumnMapping, raw: object, fields: Mapping[str, object]) -> object:
        if column.part:
            return values.read_name_part(raw, column.part)
        match column.type:
            case "wall_time":
                if column.time_field and values.read_text(fields.get(column.time_field)) is None:
                    self._without_clock(column, raw)
                    return None
                return values.read_wall_time(raw, fields.get(column.time_field or ""), self._zone, column.format)
            case "day_start":
                return values.read_wall_time(raw, None, self._zone, column.format)
            case "timestamp":
                return values.read_timestamp(raw, self._zone, column.format)
            case "date":
                return values.read_date(raw, column.format)
            case "code":
                return self._choice(column, values.read_code(raw))
            case "text_list":
                text = values.read_text(raw)
                return json.dumps([text] if text else [])
            case _:
                return _READERS[column.type](raw)

    @staticmethod
    def _choice(column: ColumnMapping, code: str | None) -> str | None:
        if code is None or not column.choices:
            return code
        for choice in column.choices:  # as the application spells it
            if choice.casefold() == code:
                return choice
        if column.otherwise is None:
            raise values.UnusualValue(f"is none of {', '.join(column.choices)}")
        return column.otherwise

    def _without_clock(self, column: ColumnMapping, day: object) -> None:
        """Take a day without a time for no end; a start needs both, or a time that the mapping gives it."""
        if values.read_date(day, column.format) is None or column.has_length:
            return
        if column.time_when_missing is None:
            raise values.UnreadableValue("has a date but no time")
        start = values.read_wall_time(day, column.time_when_missing, self._zone, column.format)
        raise values.UnusualValue(f"has no time; {column.time_when_missing} was taken", start, is_stored=True)

    @staticmethod
    def _is_before_start(record: _Record, end: Any) -> bool:
        start: Any = record.row.get("start_time")
        return start is not None and end is not None and end < start

    def _end_from_length(self, record: _Record, column: ColumnMapping) -> object:
        start: Any = record.row.get("start_time")
        if start is None:
            return None
        if column.length_from is None:
            return start + timedelta(minutes=column.length_minutes or DEFAULT_APPOINTMENT_MINUTES)
        length = self.mapping.columns[column.length_from]
        found, _ = self._lookups[length.lookup or ""].resolve(*self._id_and_name(record.fields, length))
        minutes = (found and found.minutes) or column.length_minutes or DEFAULT_APPOINTMENT_MINUTES
        return start + timedelta(minutes=minutes)
