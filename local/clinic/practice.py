"""What a practice is configured with, by name: its clinics, clinicians, types of appointment and lists."""

from __future__ import annotations

from dataclasses import dataclass

from . import names


@dataclass(frozen=True)
class Practice:
    """The names that Nexus's configuration is made of; clinicians are the first of the staff who log in."""

    clinics: tuple[tuple[str, str], ...] = names.CLINICS  # name, colour
    clinicians: tuple[str, ...] = names.CLINICIANS
    appointment_types: tuple[tuple[str, int], ...] = names.APPOINTMENT_TYPES  # name, default minutes
    funding_sources: tuple[tuple[str, str], ...] = names.FUNDING_SOURCES  # name, code
    specialties: tuple[str, ...] = names.SPECIALTIES


SEED_PRACTICE = Practice()
