"""How many of everything the reference clinic holds, troubles included, at any scale."""

from __future__ import annotations

from dataclasses import dataclass

from ..sizes import FEWEST, Sizes


@dataclass(frozen=True)
class ReferenceSizes(Sizes):
    """Row counts at scale 1; parts of a whole add up to the count that was recorded of the installation.

    What nobody recorded (letters, replies, what staff wrote in Nexus, how a count divides into its causes) is
    invented, in modest numbers; `docs/reference_clinic.md` tells which.
    """

    patients: int = 2_845
    newcomers: int = 3  # the contacts without any name, which the last import left out
    born_missing: int = 409
    born_day_first: int = 6  # days typed in an order that FileMaker does not know
    titles_in_list: int = 5  # the application's list; all others end with a full stop or are no title of it
    clinic_spelled: int = 40  # these three add up to the 86 patients without clinic
    clinic_unknown: int = 12
    clinic_missing: int = 34
    coordinator_named: int = 340
    patients_with_details: int = 2_729
    older_contact_shape: int = 40
    patient_phones: int = 3_647
    phones_without_zero: int = 110  # these three are among the phones of patients
    phones_impossible: int = 150
    phones_overseas: int = 160
    patient_emails: int = 352
    patient_addresses: int = 2_584
    referrer_details: int = 702
    company_details: int = 276
    lost_details: int = 1_900  # of owners that no layout holds
    blank_details: int = 1_229
    events_of_patients: int = 9_837
    events_foreign_calendar: int = 1_460
    events_unresolvable: int = 32  # on a foreign calendar, of patients without clinic
    events_clinic_by_staff: int = 62
    events_without_clinician: int = 1_496
    events_without_time: int = 25
    events_at_midnight: int = 18  # 24:00:00
    events_end_missing: int = 4_900
    events_end_equal: int = 980
    events_end_before_start: int = 60
    events_end_without_date: int = 490
    events_null_end: int = 295
    block_bookings: int = 5_312
    imported_notes: int = 11_210
    empty_notes: int = 193
    lost_notes: int = 5
    notes_imported_repeatedly: int = 2_803
    notes_with_nul: int = 14
    impossible_dates: int = 8  # in each of notes, documents and images
    letters: int = 640
    messages: int = 5_352
    messages_without_contact: int = 60
    messages_lost_contact: int = 12
    replies: int = 1_240
    documents_linked: int = 9_848
    documents_dangling: int = 300
    documents_gone: int = 20  # FileMaker deleted them since; their link is right
    documents_unlinked: int = 30  # FileMaker's record knows whose they are
    documents_of_nobody: int = 12
    documents_only_filemaker: int = 786  # these three add up to the 1,104 that never arrived
    documents_empty_container: int = 285
    documents_marked_without_file: int = 33
    documents_uploaded: int = 120
    images: int = 6_574
    images_only_filemaker: int = 14  # these four add up to the 90 that never arrived
    images_without_patient: int = 31
    images_empty_container: int = 42
    images_marked_without_file: int = 3
    batches: int = 1_649
    batches_empty: int = 12
    batches_dangling: int = 60
    batches_uploaded: int = 40
    patients_with_images: int = 1_303
    imported_referrers: int = 228
    referrers_one_name: int = 6
    imported_companies: int = 92
    referrer_links: int = 1_706
    referrer_links_repeated: int = 9
    referrer_links_lost: int = 5
    company_joins: int = 63
    company_joins_repeated: int = 6
    company_joins_lost: int = 4
    coordinators_as_referrers: int = 38
    older_appointments: int = 822
    nexus_notes: int = 420
    nexus_letters: int = 90
    nexus_reminders: int = 180
    sms_messages: int = 600
    sms_inbound: int = 120
    encounters: int = 160
    patient_referrers: int = 80
    patient_coordinators: int = 60
    xero_contact_links: int = 310
    xero_invoice_links: int = 240
    xero_quote_links: int = 40
    xero_payments: int = 120
    xero_sync_logs: int = 300
    sent_emails: int = 150
    contact_relationships: int = 60
    referrers: int = 0  # these two come with FileMaker's
    companies: int = 0

    @classmethod
    def at_scale(cls, scale: float) -> ReferenceSizes:
        """Return the sizes of a clinic `scale` times the recorded one; raise ValueError unless positive."""
        if scale <= 0:
            raise ValueError(f"scale must be a positive number, not {scale}")
        counts = {name: max(_fewest(name), round(count * scale)) for name, count in vars(cls()).items()}
        return cls(**(counts | {"referrers": 0, "companies": 0}))


def _fewest(name: str) -> int:
    return MORE_FEWEST.get(name, FEWEST.get(name, 2))


# A clinic is still one below these, whatever the scale: a kind stays the exception among what it belongs to.
MORE_FEWEST = {
    "patients": 48,
    "patients_with_details": 38,
    "patient_phones": 50,
    "patient_addresses": 36,
    "patient_emails": 5,
    "events_of_patients": 150,
    "events_foreign_calendar": 22,
    "events_end_missing": 60,
    "events_end_equal": 12,
    "block_bookings": 70,
    "imported_notes": 110,
    "notes_imported_repeatedly": 20,
    "messages": 60,
    "replies": 12,
    "documents_linked": 60,
    "documents_only_filemaker": 8,
    "patients_with_images": 12,
    "imported_referrers": 8,
    "imported_companies": 5,
    "referrer_links": 20,
    "company_joins": 4,
}
