"""A synthetic Australian clinic that has been in use: FileMaker, Nexus, and the truth about both."""

from __future__ import annotations

from .bodies import ObjectBody, iter_objects
from .build import ClinicSummary, make_clinic
from .load import create_schema, load_nexus

__all__ = ["ClinicSummary", "ObjectBody", "create_schema", "iter_objects", "load_nexus", "make_clinic"]
