"""Reads the mapping files and finds every mistake in them that can be seen without FileMaker and without Nexus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nexus_import.core.entities import ENTITIES
from nexus_import.core.mapping.entity import DATE_TYPES, ColumnMapping, EntityMapping
from nexus_import.core.mapping.evidence import contradictions_of_evidence
from nexus_import.core.nearest import nearest
from nexus_import.core.scope import not_importable
from nexus_import.core.yaml_files import Mistake, UnreadableFile, YamlFile, require_none
from nexus_import.errors import ConfigurationError

_NEEDS: dict[str, tuple[str, ...]] = {
    "time_field": ("wall_time",),
    "length_from": ("wall_time",),
    "length_minutes": ("wall_time",),
    "time_when_missing": ("wall_time",),
    "when_before_start": ("wall_time",),
    "choices": ("code",),
    "otherwise": ("code",),
    "format": tuple(sorted(DATE_TYPES)),
    "part": ("text",),
}
"""Options that only these types read."""
_WITH_DETAILS = {"details", "shape", "keep_when_empty", "empty"}


def load_mappings(folder: Path) -> dict[str, EntityMapping]:
    """Read every mapping file of the folder, by entity.

    Raises `ConfigurationError` that names every mistake of all files with file, line, key and the nearest valid name.
    """
    mappings: dict[str, EntityMapping] = {}
    files: dict[str, str] = {}
    mistakes: list[Mistake] = []
    paths = sorted(folder.glob("*.yaml"))
    for path in paths:
        mapping, found = _load(path)
        mistakes += found
        if mapping is None:
            continue
        if other := files.get(mapping.entity):
            mistakes.append(mapping.mistake("entity", f"{mapping.entity} is mapped in {other} already"))
        files[mapping.entity] = path.name
        mappings[mapping.entity] = mapping
    if not paths:
        raise ConfigurationError(f"{folder} holds no mapping file; the import reads include/mapping/<entity>.yaml")
    if len(mappings) == len(paths):  # what a file could not be read for is not missing
        mistakes += _unknown_references(mappings)
    require_none(mistakes)
    return mappings


def _load(path: Path) -> tuple[EntityMapping | None, list[Mistake]]:
    try:
        file = YamlFile.read(path)
    except UnreadableFile as error:
        return None, [error.mistake]
    mapping, mistakes = file.validate(EntityMapping)
    if mapping is None:
        return None, mistakes
    mapping.stands_in(file.places)
    return mapping, [*mistakes, *(mapping.mistake(key, what) for key, what in contradictions(mapping))]


def contradictions(mapping: EntityMapping) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of options that do not go together."""
    for name in sorted(mapping.columns.keys() & mapping.defaults.keys()):
        yield f"defaults.{name}", f"{name} is both in columns and in defaults: remove it from defaults"
    if mapping.event_key and len(mapping.key_fields) > 1:
        yield "key", "several fields make no UUID: an entity with event_key has one key"
    if mapping.key_is == "name" and (mapping.event_key or mapping.metadata_key or len(mapping.key_fields) > 1):
        yield "key_is", "a name is the key of one field, and goes into no column: remove event_key and metadata_key"
    for name in mapping.adopt_by:
        if name not in mapping.columns:
            yield "adopt_by", f"{name} is none of columns{nearest(name, mapping.columns)}"
    if mapping.entity not in ENTITIES:
        yield "entity", f"the import knows no entity {mapping.entity}{nearest(mapping.entity, ENTITIES)}"
    yield from not_importable(mapping.entity, mapping.out_of_scope)
    yield from contradictions_of_evidence(mapping)
    for name, column in mapping.columns.items():
        for option, what in _of_column(mapping, column):
            yield f"columns.{name}.{option}", what


def _of_column(mapping: EntityMapping, column: ColumnMapping) -> Iterator[tuple[str, str]]:
    given = column.model_fields_set
    if column.details or column.shape:
        yield from _of_details(column)
        return
    if not column.field:
        yield "field", "is missing"
    if column.lookup and column.reference:
        yield "reference", "the column has lookup too: remove one of them"
    if column.id_field and not column.lookup:
        yield "id_field", "only a column with lookup has an id_field: add lookup, or name the field under field"
    if "type" in given and (column.lookup or column.reference):
        yield "type", "a column with lookup or reference has no type: remove it"
        return
    for option, types in _NEEDS.items():
        if option in given and column.type not in types:
            yield option, f"only type {' or '.join(types)} has this option; the column is of type {column.type}"
    if column.length_from is not None:
        lookups = [name for name, other in mapping.columns.items() if other.lookup]
        if column.length_from not in lookups:
            yield "length_from", f"{column.length_from} is no column with lookup{nearest(column.length_from, lookups)}"
    if column.otherwise is not None and column.choices and column.otherwise not in column.choices:
        yield "otherwise", f"'{column.otherwise}' is none of choices{nearest(column.otherwise, column.choices)}"
    if column.keep_when_empty and column.only_new:
        yield "keep_when_empty", "only_new fills new rows only, which have nothing to keep: remove one of them"


def _of_details(column: ColumnMapping) -> Iterator[tuple[str, str]]:
    if not (column.details and column.shape):
        yield "details" if column.shape else "shape", "is missing: details and shape go together"
    elif column.details in ENTITIES and column.details != "contact_detail":
        yield "details", f"the records of {column.details} cannot be gathered: say contact_detail"
    for option in sorted(column.model_fields_set - _WITH_DETAILS):
        yield option, f"a column with details has no {option}: its value is gathered from other records"


def _unknown_references(mappings: dict[str, EntityMapping]) -> Iterator[Mistake]:
    for mapping in mappings.values():
        for name, column in mapping.columns.items():
            for option, entity in (("reference", column.reference), ("details", column.details)):
                if entity and entity not in mappings:
                    yield mapping.mistake(f"columns.{name}.{option}", _no_such_entity(entity, mappings))
        if mapping.records_of and mapping.records_of not in mappings:
            yield mapping.mistake("records_of", _no_such_entity(mapping.records_of, mappings))
        elif mapping.records_of:
            yield from _made_of(mapping, mappings[mapping.records_of])


def _made_of(mapping: EntityMapping, source: EntityMapping) -> Iterator[Mistake]:
    """Yield why one entity cannot be made of the records that are read for another one."""
    if source.records_of:
        whose = f"say records_of: {source.records_of}" if source.records_of != source.entity else "remove records_of"
        yield mapping.mistake("records_of", f"{source.entity} has no records of its own: {whose}")
    elif mapping.layout != source.layout:
        what = f"the records of {source.entity} are read from layout {source.layout}: name it here too, or remove "
        yield mapping.mistake("layout", f"{what}records_of to read {mapping.layout}")


def _no_such_entity(entity: str, mappings: dict[str, EntityMapping]) -> str:
    return f"no mapping file is of entity {entity}{nearest(entity, mappings)}"
