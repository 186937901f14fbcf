"""The truth about the reference clinic: what an import must find out, and where each trouble is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ..ledger import Truth


@dataclass
class ReferenceTruth(Truth):
    """The ledger of truth with what this clinic has more; FileMaker ids in upper case, Nexus ids in lower case.

    What `Truth` says of a clinic whose rows changed since an import stays empty: here nothing did, what differs
    is how the last import read it. `appointments` holds FileMaker's events with a patient. A Nexus id is None
    where Nexus has no row, a patient or a clinic None where nothing says which. `live_appointment_kinds` tells
    where the clinic of each live appointment came from. `troubles` gives, by layout and kind, the record ids
    concerned; their numbers are in `counts["troubles"]` as `layout/kind`.
    """

    patient_clinics: dict[str, str | None] = field(default_factory=dict)
    contact_values: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    block_bookings: list[str] = field(default_factory=list)
    calendar_clinics: dict[str, str | None] = field(default_factory=dict)
    live_appointment_kinds: dict[str, str] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    messages: dict[str, dict[str, str | None]] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    filemaker_documents: dict[str, str | None] = field(default_factory=dict)
    filemaker_images: dict[str, dict[str, str | None]] = field(default_factory=dict)
    referrers: dict[str, str | None] = field(default_factory=dict)
    companies: dict[str, str | None] = field(default_factory=dict)
    referrer_links: dict[str, list[str]] = field(default_factory=dict)
    company_joins: dict[str, list[str]] = field(default_factory=dict)
    troubles: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def count_troubles(self) -> dict[str, int]:
        """Return how many records have each trouble, by `layout/kind`."""
        return {
            f"{layout}/{kind}": len(records)
            for layout, kinds in sorted(self.troubles.items())
            for kind, records in sorted(kinds.items())
        }
