"""A synthetic Australian clinic that has been in use: FileMaker, Nexus, and the truth about both."""

from __future__ import annotations

from .bodies import ObjectBody, iter_objects
from .build import CLINICS, CONFIGURATION_OF_CLINIC, REFERENCE_CLINIC, SEED_CLINIC, make_clinic
from .load import create_schema, load_nexus
from .output import ClinicSummary

__all__ = [
    "CLINICS",
    "CONFIGURATION_OF_CLINIC",
    "REFERENCE_CLINIC",
    "SEED_CLINIC",
    "ClinicSummary",
    "ObjectBody",
    "create_schema",
    "iter_objects",
    "load_nexus",
    "make_clinic",
]
