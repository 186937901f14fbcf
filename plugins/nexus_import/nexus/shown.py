"""What the application has to show: patients drawn at random from live Nexus, with what is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from nexus_import.nexus.sql import compose


@dataclass(frozen=True)
class ShownPatient:
    """A patient by Nexus id and FileMaker id, and what is shown of him: his values, and ids of what is his.

    The values are health data: they are for asking and comparing, and are in no representation.
    """

    nexus_id: str
    filemaker_id: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    dob: str | None = field(repr=False)
    mrn: str | None = field(repr=False)
    health_number: str | None = field(repr=False)
    clinic_id: str | None
    funding_type_id: str | None
    documents: list[str]
    batches: list[str]
    images: list[str]
    appointments: list[str]


def draw_patients(connection: Connection[Any], count: int) -> list[ShownPatient]:
    """Return so many patients of FileMaker who are not archived, drawn at random; fewer when there are fewer."""
    with connection.cursor(row_factory=class_row(ShownPatient)) as cursor:
        return cursor.execute(compose("report/sample_shown_patients.sql"), {"count": count}).fetchall()
