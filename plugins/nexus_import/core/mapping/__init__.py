"""The mapping files: which FileMaker field fills which Nexus column, and how one record becomes one row.

`entity.py` is what a file says, `files.py` reads the files and finds their mistakes, `lookups.py` finds preserved
rows by id, name or alias, `row_mapper.py` turns records into rows. All pure: what Nexus holds is given to them.
"""

from __future__ import annotations

from nexus_import.core.mapping.entity import (
    COLUMN_TYPES,
    POSTGRES_TYPES,
    ColumnMapping,
    ColumnType,
    EntityMapping,
)
from nexus_import.core.mapping.files import load_mappings
from nexus_import.core.mapping.lookups import Lookup, LookupRow
from nexus_import.core.mapping.row_mapper import DEFAULT_APPOINTMENT_MINUTES, RowMapper, ValueFinding

__all__ = [
    "COLUMN_TYPES",
    "DEFAULT_APPOINTMENT_MINUTES",
    "POSTGRES_TYPES",
    "ColumnMapping",
    "ColumnType",
    "EntityMapping",
    "Lookup",
    "LookupRow",
    "RowMapper",
    "ValueFinding",
    "load_mappings",
]
