"""The clinic as FileMaker holds it: patients, appointments and what is written about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from . import names, texts
from .dice import Dice
from .sizes import Sizes

APPOINTMENT_PAST_DAYS = 3 * 365
APPOINTMENT_FUTURE_DAYS = 90
UNSEEN_DAYS = 27  # how far back reaches what Nexus does not have
DURATION_MINUTES = dict(names.APPOINTMENT_TYPES)
DEFAULT_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Patient:
    """One person; times are naive local times of the clinic, empty text means FileMaker's field is empty."""

    key: str
    title: str
    first_name: str
    middle_names: str
    last_name: str
    born: date | None
    gender: str
    health_number: str
    clinic: str
    funding: str
    plan_start: date | None
    plan_end: date | None
    coordinator: str
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True)
class Appointment:
    """One booking; `end` is None where FileMaker's end fields are empty."""

    key: str
    patient: Patient
    clinic: str
    clinician: str
    kind: str
    start: datetime
    end: datetime | None
    note: str

    @property
    def effective_end(self) -> datetime:
        """The end, or the start plus the default duration of the appointment's type."""
        return self.end or self.start + timedelta(minutes=DURATION_MINUTES.get(self.kind, DEFAULT_MINUTES))


@dataclass(frozen=True, slots=True)
class Note:
    """One note; its text has line feeds, FileMaker stores carriage returns."""

    key: str
    patient: Patient
    day: date
    text: str
    kind: str
    author: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter; its body has line feeds, FileMaker stores carriage returns."""

    key: str
    patient: Patient
    day: date
    recipient: str
    title: str
    body: str
    kind: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something to be done for a patient, some of it about an appointment."""

    key: str
    patient: Patient
    appointment: Appointment | None
    clinic: str
    text: str
    due: date
    status: str


@dataclass
class Source:
    """FileMaker without its files; `newcomers` and `unseen_*` hold the keys of what Nexus does not have."""

    patients: list[Patient]
    newcomers: set[str]
    appointments: list[Appointment] = field(default_factory=list)
    unseen_appointments: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)
    unseen_notes: set[str] = field(default_factory=set)
    letters: list[Letter] = field(default_factory=list)
    reminders: list[Reminder] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.established = [patient for patient in self.patients if patient.key not in self.newcomers]
        self.arrived = [patient for patient in self.patients if patient.key in self.newcomers]


def make_source(sizes: Sizes, seed: int, today: date) -> Source:
    """Make FileMaker's side of the clinic as of `today`."""
    dice = Dice(seed, "patients")
    patients = [make_patient(dice, today) for _ in range(sizes.patients)]
    source = Source(patients, newcomers={patient.key for patient in patients[sizes.imported_patients :]})
    _book(source, sizes, Dice(seed, "appointments"), today)
    _write_notes(source, sizes, Dice(seed, "notes"), today)
    _write_letters(source, sizes, Dice(seed, "letters"), today)
    _set_reminders(source, sizes, Dice(seed, "reminders"), today)
    return source


def make_patient(dice: Dice, today: date) -> Patient:
    """Return a person as FileMaker may hold one on that day."""
    gender = dice.pick(("Female", "Female", "Female", "Male", "Male", "Male", "F", "M", "Other", "Unknown", ""))
    feminine = gender in {"Female", "F"} or (gender not in {"Male", "M"} and dice.chance(0.5))
    first_names = names.FEMALE_FIRST_NAMES if feminine else names.MALE_FIRST_NAMES
    titles = ("Mrs", "Ms", "Miss", "Dr", "") if feminine else ("Mr", "Mr", "Mr", "Dr", "")
    funding = dice.pick(("NDIS", "NDIS", *(name for name, _ in names.FUNDING_SOURCES)))
    plan_start = dice.day(today - timedelta(days=500), today) if funding == "NDIS" and dice.chance(0.8) else None
    created = dice.moment(today - timedelta(days=12 * 365), today - timedelta(days=120))
    return Patient(
        key=dice.filemaker_id(),
        title=dice.pick(titles),
        first_name=dice.pick(first_names),
        middle_names=dice.pick(first_names) if dice.chance(0.3) else "",
        last_name=last_name(dice),
        born=dice.day(today - timedelta(days=95 * 365), today - timedelta(days=13 * 365))
        if dice.chance(0.995)
        else None,
        gender=gender,
        health_number=f"{dice.digits(10)}" if dice.chance(0.7) else "",
        clinic=dice.pick(names.CLINICS)[0],
        funding=funding,
        plan_start=plan_start,
        plan_end=plan_start + timedelta(days=364) if plan_start else None,
        coordinator=coordinator_name(dice) if plan_start and dice.chance(0.6) else "",
        created=created,
        modified=dice.moment(created.date(), today - timedelta(days=1)),
    )


def last_name(dice: Dice) -> str:
    """Return a patient's family name, now and then a double one."""
    name = dice.pick(names.PATIENT_LAST_NAMES)
    return f"{name}-{dice.other(names.PATIENT_LAST_NAMES, name)}" if dice.chance(0.03) else name


def coordinator_name(dice: Dice) -> str:
    """Return a support coordinator as the front desk types one."""
    first = dice.pick(names.FEMALE_FIRST_NAMES)
    return f"{first} {dice.pick(names.OTHER_LAST_NAMES)} - {dice.pick(names.COMPANY_WORDS)} Support Services"


def _book(source: Source, sizes: Sizes, dice: Dice, today: date) -> None:
    """Fill the calendar; no patient has two appointments at one start, so that a start identifies one."""
    oldest = today - timedelta(days=APPOINTMENT_PAST_DAYS)
    last = today + timedelta(days=APPOINTMENT_FUTURE_DAYS)
    taken: set[tuple[str, datetime]] = set()
    of_newcomers = min(2 * len(source.arrived), sizes.new_appointments)
    for number in range(sizes.appointments):
        unseen = number < sizes.new_appointments
        first = today - timedelta(days=UNSEEN_DAYS) if unseen else oldest
        patient = _whose(source, dice, number, of_newcomers)
        start = dice.slot(first, last)
        while (patient.key, start) in taken:
            start = dice.slot(first, last)
        taken.add((patient.key, start))
        source.appointments.append(_appointment(dice, patient, start))
    source.unseen_appointments = {a.key for a in source.appointments[: sizes.new_appointments]}
    source.appointments.sort(key=lambda appointment: (appointment.start, appointment.key))


def _whose(source: Source, dice: Dice, number: int, of_newcomers: int) -> Patient:
    """Return a newcomer for the first `of_newcomers` rows, any other patient for the rest."""
    if number < of_newcomers:
        return source.arrived[number % len(source.arrived)]
    return dice.pick(source.established)


def _appointment(dice: Dice, patient: Patient, start: datetime) -> Appointment:
    kind, minutes = dice.pick(names.APPOINTMENT_TYPES)
    length = timedelta(minutes=minutes if dice.chance(0.8) else minutes + 15)
    return Appointment(
        key=dice.filemaker_id(),
        patient=patient,
        clinic=patient.clinic if dice.chance(0.9) else dice.pick(names.CLINICS)[0],
        clinician=dice.pick(names.CLINICIANS),
        kind=kind,
        start=start,
        end=start + length if dice.chance(0.98) else None,
        note=texts.booking_note(dice) if dice.chance(0.35) else "",
    )


def _write_notes(source: Source, sizes: Sizes, dice: Dice, today: date) -> None:
    """Write the notes; no patient has the same text twice, so that a text identifies one."""
    seen: set[tuple[str, str]] = set()
    of_newcomers = min(len(source.arrived), sizes.new_notes)
    for number in range(sizes.notes):
        unseen = number < sizes.new_notes
        patient = _whose(source, dice, number, of_newcomers)
        text = texts.consultation(dice)
        while (patient.key, text) in seen:
            text = texts.consultation(dice)
        seen.add((patient.key, text))
        first = today - timedelta(days=UNSEEN_DAYS) if unseen else patient.created.date()
        day = dice.day(first, today - timedelta(days=1))
        kind = dice.pick(names.NOTE_TYPES)[0]
        source.notes.append(Note(dice.filemaker_id(), patient, day, text, kind, dice.pick(names.ACCOUNTS)))
    source.unseen_notes = {note.key for note in source.notes[: sizes.new_notes]}
    source.notes.sort(key=lambda note: (note.day, note.key))


def _write_letters(source: Source, sizes: Sizes, dice: Dice, today: date) -> None:
    for _ in range(sizes.letters):
        patient = dice.pick(source.patients)
        kind = dice.pick(names.LETTER_TYPES)
        source.letters.append(
            Letter(
                key=dice.filemaker_id(),
                patient=patient,
                day=dice.day(patient.created.date(), today - timedelta(days=1)),
                recipient=f"Dr {dice.pick(names.FEMALE_FIRST_NAMES)} {dice.pick(names.OTHER_LAST_NAMES)}",
                title=f"{kind}: {patient.first_name} {patient.last_name}",
                body=texts.letter_body(dice),
                kind=kind,
            )
        )


def _set_reminders(source: Source, sizes: Sizes, dice: Dice, today: date) -> None:
    for _ in range(sizes.reminders):
        appointment = dice.pick(source.appointments) if dice.chance(0.4) else None
        patient = appointment.patient if appointment else dice.pick(source.patients)
        source.reminders.append(
            Reminder(
                key=dice.filemaker_id(),
                patient=patient,
                appointment=appointment,
                clinic=patient.clinic,
                text=texts.reminder_text(dice),
                due=dice.day(today - timedelta(days=200), today + timedelta(days=120)),
                status=dice.pick(("Pending", "Pending", "Scheduled", "Completed", "Cancelled")),
            )
        )
