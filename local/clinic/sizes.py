"""How many of everything the synthetic clinic holds, at any scale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Row counts of one clinic; every count is of rows, none of bytes.

    The defaults are the reference clinic (scale 1). `at_scale` multiplies them and keeps each special case
    present in the smallest clinic, so that a small test meets everything that the full size holds.
    """

    patients: int = 2_842
    newcomers: int = 41  # patients FileMaker has and Nexus has not seen yet
    changed_patients: int = 84
    appointments: int = 9_830
    new_appointments: int = 230
    appointments_without_event_id: int = 688
    changed_appointments: int = 280
    appointments_with_edited_notes: int = 40
    notes: int = 11_210
    new_notes: int = 310
    notes_imported_repeatedly: int = 60
    letters: int = 640
    reminders: int = 380
    documents: int = 10_190
    documents_wrong_link: int = 40
    documents_dangling: int = 300
    documents_only_storage_key: int = 50
    documents_only_metadata: int = 60
    documents_uploaded: int = 250
    batches: int = 1_660
    images: int = 6_574
    batches_wrong_link: int = 15
    batches_dangling: int = 120
    batches_uploaded: int = 60
    nexus_notes: int = 900
    nexus_letters: int = 120
    nexus_reminders: int = 260
    sms_messages: int = 1_800
    sms_inbound: int = 300
    encounters: int = 420
    patient_referrers: int = 600
    patient_coordinators: int = 150
    xero_contact_links: int = 700
    xero_invoice_links: int = 500
    xero_quote_links: int = 80
    xero_payments: int = 260
    xero_sync_logs: int = 900
    sent_emails: int = 450
    contact_relationships: int = 140
    referrers: int = 130
    coordinators: int = 34
    companies: int = 60
    general_contacts: int = 90
    admin_log_entries: int = 120

    @classmethod
    def at_scale(cls, scale: float) -> Sizes:
        """Return the sizes of a clinic `scale` times the reference one; raise ValueError unless positive."""
        if scale <= 0:
            raise ValueError(f"scale must be a positive number, not {scale}")
        base = cls()
        counts = {name: max(FEWEST.get(name, 2), round(count * scale)) for name, count in vars(base).items()}
        return cls(**counts)

    @property
    def imported_patients(self) -> int:
        """Patients that an earlier import brought into Nexus."""
        return self.patients - self.newcomers


# A clinic is still a clinic below these, whatever the scale.
FEWEST = {
    "patients": 26,
    "appointments": 90,
    "notes": 100,
    "documents": 60,
    "batches": 16,
    "images": 48,
    "letters": 6,
    "reminders": 6,
    "new_appointments": 6,
    "new_notes": 6,
    "patient_referrers": 6,
    "referrers": 5,
    "coordinators": 4,
    "companies": 5,
    "general_contacts": 4,
}
