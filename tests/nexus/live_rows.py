"""Rows of live Nexus as the application writes them, for tests that need one more of a kind."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from tests.support.installation import Installation

STARTED = datetime(2026, 3, 7, 14, tzinfo=UTC)


def add_patient(installation: Installation, **columns: Any) -> str:
    """Add a patient that nothing refers to; return its id."""
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "first_name": "Nobody",
        "last_name": "Known",
        "archived": False,
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "patients", row | columns)


def add_appointment(installation: Installation, patient_id: str | None, **columns: Any) -> str:
    """Add an appointment; return its id."""
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "patient_id": patient_id,
        "start_time": STARTED,
        "end_time": STARTED,
        "status": "scheduled",
        "needs_followup_reminder": False,
        "followup_scheduled": False,
        "is_recurring": False,
        "invoice_contact_type": "patient",
        "billing_notes": "",
        "sms_confirmed": False,
        "sms_cancelled": False,
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "appointments", row | columns)


def add_note(installation: Installation, patient_id: str, content: str = "x", **columns: Any) -> str:
    """Add a note; return its id."""
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "patient_id": patient_id,
        "note_type": "other",
        "content": content,
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "notes", row | columns)


def add_reminder(installation: Installation, patient_id: str, **columns: Any) -> str:
    """Add a reminder; return its id."""
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "patient_id": patient_id,
        "note": "",
        "status": "pending",
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "reminders", row | columns)


def add_encounter(installation: Installation, patient_id: str) -> str:
    """Add an encounter; return its id."""
    row = {
        "id": str(uuid.uuid4()),
        "patient_id": patient_id,
        "clinician_id": installation.value("SELECT min(id::text)::uuid FROM clinicians"),
        "start_time": STARTED,
        "type": "REVIEW",
        "summary": "",
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "encounters", row)


def add_document(installation: Installation, patient_id: str, **columns: Any) -> str:
    """Add a document of a patient; return its id."""
    return add_row(installation, "documents_document", document(installation, patient_id) | columns)


def document(installation: Installation, patient_id: str) -> dict[str, Any]:
    """Return the columns of a document of a patient."""
    return {
        "id": str(uuid.uuid4()),
        "content_type_id": patient_type(installation),
        "object_id": patient_id,
        "file_name": "f.pdf",
        "original_name": "f.pdf",
        "file_size": 1,
        "mime_type": "application/pdf",
        "s3_bucket": "nexus",
        "s3_key": "f.pdf",
        "s3_url": "",
        "category": "",
        "description": "",
        "tags": "[]",
        "uploaded_by": "",
        "uploaded_at": STARTED,
        "updated_at": STARTED,
        "is_active": True,
    }


def add_batch(installation: Installation, patient_id: str) -> str:
    """Add an image batch of a patient; return its id."""
    row = {
        "id": str(uuid.uuid4()),
        "content_type_id": patient_type(installation),
        "object_id": patient_id,
        "name": "",
        "description": "",
        "uploaded_at": STARTED,
        "image_count": 0,
    }
    return add_row(installation, "images_batch", row)


def add_relationship(installation: Installation, from_id: str, to_id: str) -> str:
    """Add a relationship between two patients; return its id."""
    row = {
        "id": str(uuid.uuid4()),
        "from_content_type_id": patient_type(installation),
        "from_object_id": from_id,
        "to_content_type_id": patient_type(installation),
        "to_object_id": to_id,
        "relationship_type": "CARER",
        "is_active": True,
        "created_at": STARTED,
        "updated_at": STARTED,
    }
    return add_row(installation, "contact_relationships", row)


def patient_type(installation: Installation) -> int:
    """Return the content type of patients."""
    return int(installation.value("SELECT id FROM django_content_type WHERE model = 'patient'"))


def insert_statement(table: str, row: dict[str, Any]) -> str:
    """Return the INSERT of a row with one placeholder a column."""
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"


def add_row(installation: Installation, table: str, row: dict[str, Any]) -> str:
    """Insert a row into live Nexus as its owner; return its id."""
    installation.execute(insert_statement(table, row), *row.values())
    return str(row["id"])
