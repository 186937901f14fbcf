"""What the tests of exported files share: a mapping, and folders that hold one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nexus_import.core.mapping import EntityMapping
from nexus_import.filemaker.cursor import WalkSummary
from nexus_import.filemaker.files import FilesSource
from nexus_import.filemaker.files_layout import FileOptions
from nexus_import.filemaker.records import Record

LAYOUT = "API_Contacts"


def mapping_of(*fields: str, layout: str = LAYOUT, **columns: Any) -> EntityMapping:
    """Return a mapping that reads the key `id`, the fields as text, and the columns as they are described."""
    described = {f"column_{number}": {"field": name} for number, name in enumerate(fields)} | columns
    return EntityMapping.model_validate({"entity": "patient", "layout": layout, "label": "p", "columns": described})


def source_of(folder: Path, **options: Any) -> FilesSource:
    return FilesSource(folder, FileOptions(**options))


def put(folder: Path, name: str, content: bytes) -> FilesSource:
    """Write a file into the folder and return the folder as a source."""
    (folder / name).write_bytes(content)
    return source_of(folder)


def read(source: FilesSource, mapping: EntityMapping) -> tuple[list[Record], WalkSummary]:
    walk = source.walk(mapping)
    return [record for page in walk for record in page.records], walk.summary


def values(source: FilesSource, *fields: str) -> list[tuple[object, ...]]:
    """Return the fields of every record of the layout."""
    records, _ = read(source, mapping_of(*fields))
    return [tuple(record.fields[name] for name in fields) for record in records]
