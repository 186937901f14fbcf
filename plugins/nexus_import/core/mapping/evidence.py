"""What a mapping of evidence must say: no table would refuse what contact details, documents and images get. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_import.core.entities import EVIDENCE, NEEDED_COLUMNS, READ_COLUMNS
from nexus_import.core.mapping.entity import POSTGRES_TYPES, ColumnMapping, EntityMapping
from nexus_import.core.nearest import nearest

_REFERENCE = "_filemaker_id"
"""Behind the name of a staged column that holds another record's id."""


def contradictions_of_evidence(mapping: EntityMapping) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of columns that nothing reads, or not as they are filled.

    Without this such a column would be staged and never looked at, and whoever misspelt it would hear nothing.
    """
    if mapping.entity not in EVIDENCE:
        return
    read = READ_COLUMNS[mapping.entity]
    known = [name.removesuffix(_REFERENCE) for name in read]
    for name in NEEDED_COLUMNS[mapping.entity]:
        if name not in mapping.columns:
            yield "columns", f"{name} is missing: without it nobody can tell what a record of {mapping.layout} is about"
    for name, column in mapping.columns.items():
        if name not in known:
            yield f"columns.{name}", f"{mapping.entity} has no such column{nearest(name, known)}"
        elif f"{name}{_REFERENCE}" in read:
            if not column.reference:
                yield (
                    f"columns.{name}.reference",
                    "is missing: the field holds another record's id; add reference: patient",
                )
        else:
            yield from _of_value(f"columns.{name}", column, read[name])


def _of_value(key: str, column: ColumnMapping, kind: str) -> Iterator[tuple[str, str]]:
    for option in ("lookup", "reference", "details"):
        if getattr(column, option):
            yield f"{key}.{option}", "the column takes the field's own value: remove it"
            return
    if POSTGRES_TYPES[column.type] != kind:
        fitting = ", ".join(name for name, staged in POSTGRES_TYPES.items() if staged == kind)
        yield f"{key}.type", f"{column.type} does not fit the column: choose {fitting}"
