"""What the clinic decided about its tables: what the import does with each, and what becomes of rows that FileMaker
does not hold. Pure: the policy file's words, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Treatment = Literal["imported", "relinked", "cascades", "kept", "untouched"]
NexusOnly = Literal["keep", "delete"]
Fate = Literal["keep", "archive", "delete", "stop"]

MAPPED_TABLES: dict[str, Treatment] = {
    "patients": "imported",
    "appointments": "imported",
    "documents_document": "relinked",
    "images_batch": "relinked",
    "images_image": "relinked",
}
"""The tables that every import works on; they can have no other treatment."""
MAPPABLE_TABLES = (
    "notes",
    "letters_patientletter",
    "reminders",
    "companies",
    "referrers",
    "coordinators",
    "referrer_companies",
    "patient_referrers",
    "patient_coordinators",
    "sms_messages",
    "sms_inbound",
)
"""The tables that the import works on where the clinic maps them; they are declared as imported then."""
ROOT_TABLES = ("patients", "appointments")
"""The tables that the requirement deletes; what hangs on their rows is what goes with them."""
ARCHIVABLE_TABLES = ("patients", "appointments", "reminders")
"""The tables whose rows the application can put aside: by a flag (patients), by the status cancelled (the others)."""
ARCHIVED_BY = "FileMaker import"
"""What `patients.archived_by` says of a patient that the import archived."""


@dataclass(frozen=True)
class DataPolicy:
    """The policy's words about tables, for one run.

    `nexus_only` is the run's parameter and `nexus_only_tables` what overrides it for single tables. `set_null` and
    `plain_links` name columns as `table.column`; `plain_links` gives the tables whose ids such a column holds;
    `content_types` gives Django's `app_label.model` of a table. `generic_links` pairs the two columns of a generic link
    whose names do not: (type column, id column), or the type column alone where it is about no row.
    """

    tables: Mapping[str, Treatment]
    nexus_only: NexusOnly = "keep"
    nexus_only_tables: Mapping[str, NexusOnly] = field(default_factory=dict)
    nexus_only_rows: Mapping[str, Fate] = field(default_factory=dict)
    vanished: Mapping[str, Fate] = field(default_factory=dict)
    set_null: tuple[str, ...] = ()
    plain_links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    content_types: Mapping[str, str] = field(default_factory=dict)
    side_effects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generic_links: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    @property
    def copied_tables(self) -> list[str]:
        """The tables of the working copy: all that are declared, but for those that are never touched.

        They are also the tables that the import's role may write.
        """
        return [table for table, treatment in self.tables.items() if treatment != "untouched"]

    @property
    def imported_tables(self) -> list[str]:
        """The tables whose rows come from FileMaker."""
        return [table for table, treatment in self.tables.items() if treatment == "imported"]

    @property
    def worked_tables(self) -> list[str]:
        """The tables that the phases work on."""
        return [table for table, treatment in self.tables.items() if treatment in ("imported", "relinked")]

    def treatment(self, table: str) -> Treatment:
        """Return what the import does with a table; one that nobody declared is never touched."""
        return self.tables.get(table, "untouched")

    def is_kept(self, table: str) -> bool:
        """Tell whether what lives only in Nexus stays in this table, in this run."""
        return self.nexus_only_tables.get(table, self.nexus_only) == "keep"

    def fate_of_vanished(self, table: str) -> Fate:
        """Return what becomes of a row that FileMaker no longer has; the cascade takes it, but for a stop."""
        return self._fate(table, self.vanished.get(table, "delete"))

    def fate_of_nexus_only(self, table: str) -> Fate:
        """Return what becomes of a patient or appointment that never came from FileMaker."""
        return self._fate(table, self.nexus_only_rows.get(table, "keep"))

    def _fate(self, table: str, chosen: Fate) -> Fate:
        return chosen if self.is_kept(table) or chosen == "stop" else "delete"
