"""Whether an approach did the work: FileMaker's records against the rows and their links."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

PATIENTS = "SELECT upper(filemaker_metadata ->> 'filemaker_id') FROM patients WHERE filemaker_metadata ? 'filemaker_id'"
APPOINTMENTS = (
    "SELECT upper(filemaker_event_id::text), upper(filemaker_metadata ->> 'filemaker_id') FROM appointments"
    " LEFT JOIN patients ON patients.id = patient_id WHERE filemaker_event_id IS NOT NULL"
)
LOST = (
    "SELECT count(*) FROM documents_document WHERE filemaker_id IS NOT NULL AND object_id IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM patients WHERE patients.id = object_id)"
)
NAMED = " AND filemaker_metadata ? 'filemaker_patient_id'"


class WrongRowsError(RuntimeError):
    """An approach left other rows than FileMaker has, so its figures mean nothing."""


class Truth:
    """What FileMaker holds: patients by id, and each appointment's patient."""

    def __init__(self, clinic: Path) -> None:
        self.patients = {fields["id"].upper() for fields in read_layout(clinic, "API_Contacts")}
        self.appointments = {
            fields["id"].upper(): fields["patient_id"].upper() for fields in read_layout(clinic, "API_Appointments")
        }

    def require(self, uri: str, approach: str, *, only_by_metadata: bool = False) -> None:
        """Raise `WrongRowsError` unless every record is one row, linked as FileMaker says.

        With `only_by_metadata` documents count that name their patient in their metadata: the requirement's algorithm
        knows no other way, and leaves the rest without a patient.
        """
        with psycopg.connect(uri) as connection:
            patients = [row[0] for row in connection.execute(PATIENTS)]
            appointments = list(connection.execute(APPOINTMENTS))
            lost = connection.execute((LOST + NAMED if only_by_metadata else LOST).encode()).fetchone()
        found = set(patients)
        links: dict[str, Any] = dict(appointments)
        wrong = {
            "patients are missing": len(self.patients - found),
            "patients are there twice": len(patients) - len(found),
            "appointments are missing": len(self.appointments.keys() - links.keys()),
            "appointments are on the wrong patient": sum(
                links[event] != patient for event, patient in self.appointments.items() if event in links
            ),
            "documents are orphans": lost[0] if lost else 0,
        }
        if said := ", ".join(f"{count:,} {what}" for what, count in wrong.items() if count):
            raise WrongRowsError(f"{approach} is not believed: {said}")


def read_layout(clinic: Path, layout: str) -> list[dict[str, Any]]:
    """Return the fields of a layout's records as FileMaker gives them."""
    records = json.loads((clinic / "filemaker" / f"{layout}.json").read_text())["records"]
    return [record["fieldData"] for record in records]
