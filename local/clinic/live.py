"""The rows of Nexus that earlier imports made, as years of use left them: patients, appointments, notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from . import names, texts
from .configuration import Configuration
from .dice import Dice, us_date, zoned
from .ledger import IMPORT_TIME, Ledger, Row
from .sizes import Sizes
from .source import Appointment, Note, Patient, coordinator_name, last_name

PAST_STATUSES = ("completed", "completed", "completed", "no_show", "cancelled")
SEX_CODES = {"Male": "M", "M": "M", "Female": "F", "F": "F", "Other": "O"}
NOTE_CODES = dict(names.NOTE_TYPES)
LOWER_CASE_ID_SHARE = 0.06  # patients whose FileMaker id an old import stored in lower case
REFERENCED_NAME_LETTERS = 5  # shorter family names turn up inside other words


def add_patients(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    """Add the live patients; some differ from FileMaker, because staff or FileMaker changed them since."""
    dice = ledger.dice("live patients")
    established = ledger.source.established
    changed = {patient.key for patient in dice.some(established, sizes.changed_patients)}
    for patient in ledger.source.patients:
        remember_person(ledger, patient)
        if patient.key in ledger.source.newcomers:
            ledger.truth.patients[patient.key] = None
            continue
        nexus_id = dice.uuid()
        ledger.patient_ids[patient.key] = nexus_id
        ledger.truth.patients[patient.key] = nexus_id
        seen = _as_nexus_has_it(dice, patient) if patient.key in changed else patient
        ledger.add("patients", patient_row(ledger, configuration, dice, seen, nexus_id))
        if patient.key in changed:
            remember_person(ledger, seen)
            ledger.truth.changed_patients.append(patient.key)


def remember_person(ledger: Ledger, patient: Patient) -> None:
    """Keep the name and date of birth of a patient among the values that no log may hold."""
    ledger.remember(f"{patient.first_name} {patient.last_name}")
    if len(patient.last_name) >= REFERENCED_NAME_LETTERS:
        ledger.remember(patient.last_name)
    if patient.born:
        ledger.remember(patient.born.isoformat(), us_date(patient.born))


def _as_nexus_has_it(dice: Dice, patient: Patient) -> Patient:
    """Return the patient with one mapped value unlike FileMaker's."""
    funding = [name for name, _ in names.FUNDING_SOURCES]
    clinics = [name for name, _ in names.CLINICS]
    plan_start = patient.plan_start or patient.modified.date() - timedelta(days=500)
    variants: tuple[Callable[[], Patient], ...] = (
        lambda: replace(patient, clinic=dice.other(clinics, patient.clinic)),
        lambda: replace(patient, funding=dice.other(funding, patient.funding)),
        lambda: replace(patient, last_name=f"{last_name(dice)}-{patient.last_name}"),
        lambda: replace(patient, coordinator=f"{coordinator_name(dice)} (until {dice.number(1, 28)}/6)"),
        lambda: replace(patient, plan_start=plan_start - timedelta(days=90), plan_end=plan_start + timedelta(days=275)),
        lambda: replace(patient, first_name=f"{patient.first_name} {dice.pick('ABCDEFGHJKLM')}."),
        lambda: replace(patient, title=dice.other(("Mr", "Mrs", "Ms", "Miss", "Dr", "Prof"), patient.title)),
        lambda: replace(patient, health_number=f"{dice.digits(10)}1"),
        lambda: replace(patient, middle_names=f"{patient.middle_names} {dice.pick('ABCDEF')}.".strip()),
    )
    return dice.pick(variants)()


def patient_row(ledger: Ledger, configuration: Configuration, dice: Dice, patient: Patient, nexus_id: str) -> Row:
    """Return a live patient as an import made it and staff used it; what Nexus does not have is NULL."""
    archived = dice.chance(0.05)
    since = ledger.nexus_moment(dice)
    return {
        "id": nexus_id,
        "mrn": f"MRN{dice.digits(9)}" if dice.chance(0.4) else None,
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "middle_names": patient.middle_names or None,
        "dob": patient.born,
        "sex": SEX_CODES.get(patient.gender, "U"),
        "title": patient.title or None,
        "health_number": patient.health_number or None,
        "funding_source": None,
        "funding_type_id": configuration.funding_sources.get(patient.funding),
        "clinic_id": configuration.clinics.get(patient.clinic),
        "coordinator_name": patient.coordinator or None,
        "coordinator_date": patient.plan_start if patient.coordinator and dice.chance(0.5) else None,
        "plan_start_date": None,
        "plan_end_date": None,
        "plan_dates_json": [],
        "ndis_plan_start_date": patient.plan_start,
        "ndis_plan_end_date": patient.plan_end,
        "notes": _remark(ledger, dice) if dice.chance(0.25) else None,
        "filemaker_metadata": _metadata(ledger, dice, patient),
        "archived": archived,
        "archived_at": zoned(since) if archived else None,
        "archived_by": dice.pick(names.ACCOUNTS) if archived else None,
        "contact_json": _contact(ledger, dice),
        "address_json": _address(dice),
        "emergency_json": {},
        "flags_json": {"flagged": True} if dice.chance(0.08) else {},
        **ledger.stamps(ledger.opened, since if dice.chance(0.5) else ledger.opened),
    }


def _remark(ledger: Ledger, dice: Dice) -> str:
    remark = texts.phone_note(dice)
    ledger.remember(remark)
    return remark


def _metadata(ledger: Ledger, dice: Dice, patient: Patient) -> Row:
    lower = dice.chance(LOWER_CASE_ID_SHARE)
    metadata: Row = {
        "filemaker_id": patient.key.lower() if lower else patient.key,
        "clinic_name": patient.clinic,
        "contact_type": "Patient",
        "cys_id": dice.number(1_000, 99_999),
        "imported_at": ledger.opened.isoformat(),
    }
    if dice.chance(0.5):
        metadata["xero_contact_id"] = dice.uuid()
    return metadata


def _contact(ledger: Ledger, dice: Dice) -> Row:
    """Return phones and e-mail in one of the application's two shapes, or nothing yet."""
    mobile, phone, email = (
        f"04{dice.digits(8)}",
        f"02{dice.digits(8)}",
        f"patient.{dice.digits(8)}@mail.example",
    )
    if dice.chance(0.1):
        return {}
    ledger.remember(mobile, phone, email)
    if dice.chance(0.5):
        return {
            "mobile": {"Mobile": {"value": mobile, "default": True}},
            "phone": {"Home": {"value": phone, "default": False}},
            "email": {"Email": {"value": email, "default": True}},
        }
    phones = [
        {"type": "Mobile", "number": mobile, "label": dice.pick(texts.PEOPLE).capitalize()},
        {"type": "Phone", "number": phone, "label": ""},
    ]
    return {"phones": phones, "emails": [{"address": email, "label": ""}], "email": email}


def _address(dice: Dice) -> Row:
    suburb, postcode = dice.pick(names.SUBURBS)
    street = f"{dice.number(1, 240)} {dice.pick(names.STREETS)}"
    flat: Row = {"street": street, "suburb": suburb, "state": "NSW", "postcode": postcode, "type": "Home"}
    if dice.chance(0.5):
        line = {"line1": street, "line2": "", "suburb": suburb, "state": "NSW", "postcode": postcode}
        flat["addresses"] = [line | {"country": "Australia", "label": "Home"}]
    return flat


def add_appointments(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    """Add the live appointments: some without event id, some changed, some with notes edited in Nexus."""
    dice = ledger.dice("live appointments")
    seen = [a for a in ledger.source.appointments if a.key not in ledger.source.unseen_appointments]
    adoptable = {a.key for a in dice.some(seen, sizes.appointments_without_event_id)}
    with_event_id = [a for a in seen if a.key not in adoptable]
    changed = {a.key for a in dice.some(with_event_id, sizes.changed_appointments)}
    noted = [a for a in with_event_id if a.note and a.key not in changed]
    edited = {a.key for a in dice.some(noted, sizes.appointments_with_edited_notes)}
    taken = {(a.patient.key, a.start) for a in ledger.source.appointments}
    ledger.truth.appointments.update(dict.fromkeys((a.key for a in ledger.source.appointments), None))
    for appointment in seen:
        nexus_id = dice.uuid()
        ledger.appointment_ids[appointment.key] = nexus_id
        ledger.truth.appointments[appointment.key] = nexus_id
        view = appointment
        if appointment.key in changed:
            view = _as_calendar_has_it(dice, appointment, taken)
        elif appointment.key in edited:
            view = replace(appointment, note=f"{appointment.note}\n{texts.clinical_sentence(dice)}")
        ledger.remember(*filter(None, view.note.split("\n")))
        event_id = None if appointment.key in adoptable else appointment.key.lower()
        ledger.add("appointments", appointment_row(ledger, configuration, dice, view, nexus_id, event_id))
    ledger.truth.adoptable_appointments = sorted(adoptable)
    ledger.truth.changed_appointments = sorted(changed)
    ledger.truth.appointments_with_edited_notes = sorted(edited)


def _as_calendar_has_it(dice: Dice, appointment: Appointment, taken: set[tuple[str, datetime]]) -> Appointment:
    """Return the appointment with one mapped value unlike FileMaker's; a moved one never meets another."""
    clinics = [name for name, _ in names.CLINICS]
    kinds = [name for name, _ in names.APPOINTMENT_TYPES]
    choice = dice.number(0, 3)
    if choice == 0:
        return replace(appointment, clinician=dice.other(names.CLINICIANS, appointment.clinician))
    if choice == 1:
        end = appointment.effective_end
        return replace(appointment, kind=dice.other(kinds, appointment.kind), end=end)
    start = appointment.start + timedelta(minutes=5)  # off the quarter hours of every other start
    if choice == 2 and (appointment.patient.key, start) not in taken:
        return replace(appointment, start=start, end=appointment.effective_end + timedelta(minutes=5))
    return replace(appointment, clinic=dice.other(clinics, appointment.clinic))


def appointment_row(
    ledger: Ledger,
    configuration: Configuration,
    dice: Dice,
    appointment: Appointment,
    nexus_id: str,
    event_id: str | None,
) -> Row:
    """Return a live appointment as an import made it and staff used it; what Nexus does not have is NULL."""
    past = appointment.start.date() < ledger.today
    reminded = dice.chance(0.4)
    confirmed = reminded and dice.chance(0.6)
    by_company = dice.chance(0.03)
    remind_at = appointment.start - timedelta(days=2)
    booked = min(appointment.start - timedelta(days=dice.number(3, 60)), ledger.nexus_moment(dice))
    return {
        "id": nexus_id,
        "filemaker_event_id": event_id,
        "clinic_id": configuration.clinics.get(appointment.clinic),
        "patient_id": ledger.patient_id(appointment.patient),
        "clinician_id": configuration.clinicians.get(appointment.clinician),
        "appointment_type_id": configuration.appointment_types.get(appointment.kind),
        "start_time": zoned(appointment.start),
        "end_time": zoned(appointment.effective_end),
        "status": dice.pick(PAST_STATUSES) if past else "scheduled",
        "reason": None,
        "notes": appointment.note or None,
        "parent_appointment_id": None,
        "needs_followup_reminder": dice.chance(0.05),
        "followup_scheduled": False,
        "recurrence_group_id": None,
        "is_recurring": False,
        "recurrence_pattern": None,
        "recurrence_end_date": None,
        "invoice_contact_type": "company" if by_company else "patient",
        "billing_company_id": dice.pick(configuration.companies) if by_company else None,
        "billing_notes": "",
        "sms_reminder_sent_at": zoned(remind_at) if reminded else None,
        "sms_confirmed": confirmed,
        "sms_confirmed_at": zoned(remind_at + timedelta(minutes=30)) if confirmed else None,
        "sms_confirmation_message": "Yes" if confirmed else None,
        "sms_cancelled": False,
        "sms_cancelled_at": None,
        "sms_cancellation_message": None,
        **ledger.stamps(booked),
    }


def add_imported_notes(ledger: Ledger, sizes: Sizes) -> None:
    """Add the notes that old imports brought over without FileMaker's id, a few of them repeatedly."""
    dice = ledger.dice("live notes")
    seen = [note for note in ledger.source.notes if note.key not in ledger.source.unseen_notes]
    repeated = {note.key for note in dice.some(seen, sizes.notes_imported_repeatedly)}
    for note in ledger.source.notes:
        ledger.truth.notes[note.key] = {"patient": note.patient.key, "nexus_id": None}
        ledger.remember(texts.first_line(note.text))
    for note in seen:
        copies = dice.number(2, 4) if note.key in repeated else 1
        # The oldest copy is also the one with the lowest id: whichever rule picks one, it picks this.
        ids = sorted(dice.uuid() for _ in range(copies))
        for age, nexus_id in enumerate(ids):
            ledger.add("notes", _imported_note_row(ledger, dice, note, nexus_id, age))
        ledger.truth.notes[note.key]["nexus_id"] = ids[0]
        if copies > 1:
            ledger.truth.surplus_notes[note.key] = ids[1:]


def _imported_note_row(ledger: Ledger, dice: Dice, note: Note, nexus_id: str, age: int) -> Row:
    created = datetime.combine(max(note.day, ledger.opened.date()), IMPORT_TIME) + timedelta(hours=age)
    return {
        "id": nexus_id,
        "patient_id": ledger.patient_id(note.patient),
        "note_type": "other" if dice.chance(0.04) else NOTE_CODES[note.kind],
        "content": note.text,
        **ledger.stamps(created),
        "created_by": note.author,
    }
