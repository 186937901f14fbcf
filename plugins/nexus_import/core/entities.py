"""What the import knows of FileMaker: its entities, their order in the sequence, and which are read together. Pure.

An entity is imported when the clinic's configuration has a mapping file for it; the order is that of the references:
whatever an entity refers to stands before it.
"""

from __future__ import annotations

PHASE_5 = (
    "company",
    "referrer",
    "coordinator",
    "referrer_company",
    "patient_referrer",
    "patient_coordinator",
    "note",
    "letter",
    "reminder",
    "message",
    "reply",
)
"""The entities of phase 5, in the order they are imported."""
IMPORTED = ("patient", "appointment", *PHASE_5)
"""The entities whose records become rows, in the order of the sequence."""
EVIDENCE = ("contact_detail", "document", "image")
"""The entities that only say something about rows: whose document it is, which numbers a patient has."""
ENTITIES = (*IMPORTED, *EVIDENCE)
REQUIRED = ("patient", "appointment", "document", "image")
"""The entities without which the sequence cannot be run: every configuration maps them."""
FETCHES: dict[str, tuple[str, ...]] = {
    "fetch_patients": ("patient",),
    "fetch_appointments": ("appointment",),
    "fetch_notes": ("note",),
    "fetch_letters": ("letter",),
    "fetch_reminders": ("reminder",),
    "fetch_contacts": (
        "contact_detail",
        "company",
        "referrer",
        "coordinator",
        "referrer_company",
        "patient_referrer",
        "patient_coordinator",
    ),
    "fetch_messages": ("message", "reply"),
    "fetch_documents": ("document",),
    "fetch_images": ("image",),
}
"""The tasks that read FileMaker, and what each reads: every entity, but for those made of another one's records."""
READ_COLUMNS: dict[str, dict[str, str]] = {
    "patient": {
        "first_name": "text",
        "last_name": "text",
        "dob": "date",
        "clinic_id_name": "text",
        "clinic_id": "uuid",
        "funding_type_id_name": "text",
        "funding_type_id": "uuid",
    },
    "appointment": {
        "patient_id_filemaker_id": "text",
        "clinic_id_name": "text",
        "clinic_id": "uuid",
        "clinician_id_name": "text",
        "clinician_id": "uuid",
        "appointment_type_id_name": "text",
        "appointment_type_id": "uuid",
        "start_time": "timestamptz",
        "end_time": "timestamptz",
    },
    "note": {"patient_id_filemaker_id": "text", "content": "text"},
    "letter": {"patient_id_filemaker_id": "text"},
    "reminder": {
        "patient_id_filemaker_id": "text",
        "appointment_id_filemaker_id": "text",
        "clinic_id_name": "text",
        "clinic_id": "uuid",
    },
    "contact_detail": {
        "owner_id_filemaker_id": "text",
        "kind": "text",
        "label": "text",
        "value": "text",
        "is_default": "bigint",
        "line1": "text",
        "line2": "text",
        "suburb": "text",
        "state": "text",
        "postcode": "text",
        "country": "text",
    },
    "document": {"patient_id_filemaker_id": "text", "export_date": "text"},
    "image": {"patient_id_filemaker_id": "text", "record_number": "bigint", "export_date": "text"},
}
"""The staged columns that the phases' statements and checks read, with their types: they are there for every clinic,
empty where its mapping does not fill them. Of what is evidence nothing else is read."""
NEEDED_COLUMNS = {"contact_detail": ("owner_id", "kind"), "document": ("patient_id",), "image": ("patient_id",)}
"""The columns without which evidence says nothing."""
