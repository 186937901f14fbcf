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
    "fetch_contacts": ("contact_detail", "company", "referrer", "referrer_company", "patient_referrer"),
    "fetch_messages": ("message", "reply"),
    "fetch_documents": ("document",),
    "fetch_images": ("image",),
}
"""The tasks that read FileMaker, and what each reads. Coordinators are read out of other records."""
