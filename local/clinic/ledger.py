"""What the generator collects while it builds the clinic: live rows, and the truth about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from .dice import Dice, zoned
from .source import Patient, Source

Row = dict[str, object]
OPENED_DAYS_AGO = 290  # when the practice began to use Nexus, filled by the first import
IMPORT_TIME = time(20, 30)


@dataclass
class Truth:
    """What an import must find out, by row; FileMaker ids in upper case, Nexus ids in lower case.

    `documents`, `batches` and `nexus_rows` give the patient's FileMaker id; the `…_kinds` name the evidence
    each row carries. A Nexus id is None where no live row exists before the import.
    """

    patients: dict[str, str | None] = field(default_factory=dict)
    appointments: dict[str, str | None] = field(default_factory=dict)
    changed_patients: list[str] = field(default_factory=list)
    changed_appointments: list[str] = field(default_factory=list)
    adoptable_appointments: list[str] = field(default_factory=list)
    appointments_with_edited_notes: list[str] = field(default_factory=list)
    notes: dict[str, dict[str, str | None]] = field(default_factory=dict)
    surplus_notes: dict[str, list[str]] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    document_kinds: dict[str, str] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    batch_kinds: dict[str, str] = field(default_factory=dict)
    nexus_rows: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    nexus_row_appointments: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    related_patients: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return plain dicts and lists."""
        return dict(vars(self))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object that storage must hold; `kind` is document, image or thumbnail and `row_id` the row's id."""

    key: str
    content_type: str
    kind: str
    row_id: str


class Ledger:
    """The live database in the making: rows by table, ids by FileMaker key, objects in storage, the truth."""

    def __init__(self, source: Source, seed: int, today: date, truth: Truth | None = None) -> None:
        self.source = source
        self.seed = seed
        self.today = today
        self.opened = datetime.combine(today - timedelta(days=OPENED_DAYS_AGO), IMPORT_TIME)
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.objects: list[StoredObject] = []
        self.truth = truth or Truth()
        self.patient_ids: dict[str, str] = {}
        self.appointment_ids: dict[str, str] = {}
        self.personal_values: dict[str, None] = {}  # a set that keeps its order
        self._former_ids: dict[str, str] = {}
        self._former_dice = Dice(seed, "former ids")

    def dice(self, subject: str) -> Dice:
        """Return the dice of one subject."""
        return Dice(self.seed, subject)

    def add(self, table: str, row: Row) -> str:
        """Append a row and return its id."""
        self.tables[table].append(row)
        return str(row["id"])

    def add_nexus_made(self, table: str, row: Row, patient: Patient | None, appointment_key: str | None = None) -> str:
        """Append a row that exists only in Nexus, and keep whose it is."""
        row_id = self.add(table, row)
        if patient is not None:
            self.truth.nexus_rows[table][row_id] = patient.key
        if appointment_key is not None:
            self.truth.nexus_row_appointments[table][row_id] = appointment_key
        return row_id

    def remember(self, *values: str) -> None:
        """Keep values that belong to a person and must never turn up in a log."""
        self.personal_values.update(dict.fromkeys(values))

    def former_id(self, patient: Patient) -> str:
        """Return the Nexus id that the patient had before an earlier re-import; no live row has it."""
        if patient.key not in self._former_ids:
            self._former_ids[patient.key] = self._former_dice.uuid()
        return self._former_ids[patient.key]

    def patient_id(self, patient: Patient) -> str:
        """Return the live id of a patient whom an earlier import brought over."""
        return self.patient_ids[patient.key]

    def stamps(self, created: datetime, updated: datetime | None = None) -> Row:
        """Return the two bookkeeping columns that nearly every table has."""
        return {"created_at": zoned(created), "updated_at": zoned(updated or created)}

    def nexus_moment(self, dice: Dice) -> datetime:
        """Return a local time since the practice began to use Nexus."""
        return dice.moment(self.opened.date() + timedelta(days=1), self.today - timedelta(days=1))

    def live_appointments(self) -> Iterator[tuple[str, str, Patient]]:
        """Yield FileMaker key, Nexus id and patient of each live appointment."""
        for appointment in self.source.appointments:
            if appointment.key in self.appointment_ids:
                yield appointment.key, self.appointment_ids[appointment.key], appointment.patient
