"""FileMaker's side on disk: one JSON file per layout, values as the Data API returns them by default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from .dice import Dice, us_date, us_timestamp
from .layoutfiles import Layouts, carriage_returns, field_names, numbered, write_access, write_layout
from .ledger import Row
from .source import Appointment, Letter, Note, Patient, Reminder, Source

LAYOUTS: Layouts = {
    "API_Contacts": (
        "Contacts",
        (
            "id",
            "title",
            "nameFirst",
            "nameMiddle",
            "nameLast",
            "DOB:date",
            "gender",
            "Health Number",
            "clinic_name",
            "funding_type",
            "NDIS Plan Start Date:date",
            "NDIS Plan End Date:date",
            "NDIS Coordinator Name",
            "creationTimestamp:timeStamp",
            "modificationTimestamp:timeStamp",
        ),
    ),
    "API_Appointments": (
        "Appointments",
        (
            "id",
            "patient_id",
            "clinic_name",
            "clinician_name",
            "appointment_type",
            "startDate:date",
            "startTime:time",
            "endDate:date",
            "endTime:time",
            "note",
        ),
    ),
    "API_Notes": ("Notes", ("id", "patient_id", "Date:date", "Note", "Note Type", "creationAccountName")),
    "API_Letters": ("Letters", ("id", "patient_id", "Date:date", "To", "Title", "Body", "Type")),
    "API_Reminders": (
        "Reminders",
        ("id", "patient_id", "appointment_id", "clinic_name", "note", "reminder_date:date", "status"),
    ),
    "API_Docs": (
        "Docs",
        ("id", "patient_id", "Type", "Date:date", "NexusExportDate:timeStamp", "creationAccountName"),
    ),
    "API_Images": (
        "Images",
        (
            "id",
            "patient_id",
            "recid:number",
            "date:date",
            "Type",
            "NexusExportDate:timeStamp",
            "fileName",
        ),
    ),
}


def write_filemaker(
    directory: Path, source: Source, documents: list[Row], images: list[Row], seed: int
) -> dict[str, int]:
    """Write `database.json` and a file per layout into `directory`; return the record counts by layout."""
    dice = Dice(seed, "filemaker")
    write_access(directory, dice)
    records: dict[str, list[Row]] = {
        "API_Contacts": [_contact(patient) for patient in source.patients],
        "API_Appointments": [_appointment(appointment) for appointment in source.appointments],
        "API_Notes": [_note(note) for note in source.notes],
        "API_Letters": [_letter(letter) for letter in source.letters],
        "API_Reminders": [_reminder(reminder) for reminder in source.reminders],
        "API_Docs": documents,
        "API_Images": images,
    }
    for layout, rows in records.items():
        _write_layout(directory, dice, layout, rows)
    return {layout: len(rows) for layout, rows in records.items()}


def _write_layout(directory: Path, dice: Dice, layout: str, rows: Iterable[Row]) -> None:
    table, fields = LAYOUTS[layout]
    names = field_names(fields)
    record_id = 0
    records = []
    for row in rows:
        if list(row) != names:
            raise ValueError(f"a record of {layout} has fields {list(row)}, the layout has {names}")
        records.append(record := numbered(dice, record_id, row))
        record_id = int(str(record["recordId"]))
    write_layout(directory, layout, table, fields, records)


def _time(moment: datetime | None) -> str:
    return moment.time().isoformat("seconds") if moment else ""


def _contact(patient: Patient) -> Row:
    return {
        "id": patient.key,
        "title": patient.title,
        "nameFirst": patient.first_name,
        "nameMiddle": patient.middle_names,
        "nameLast": patient.last_name,
        "DOB": us_date(patient.born),
        "gender": patient.gender,
        "Health Number": patient.health_number,
        "clinic_name": patient.clinic,
        "funding_type": patient.funding,
        "NDIS Plan Start Date": us_date(patient.plan_start),
        "NDIS Plan End Date": us_date(patient.plan_end),
        "NDIS Coordinator Name": patient.coordinator,
        "creationTimestamp": us_timestamp(patient.created),
        "modificationTimestamp": us_timestamp(patient.modified),
    }


def _appointment(appointment: Appointment) -> Row:
    end = appointment.end
    return {
        "id": appointment.key,
        "patient_id": appointment.patient.key,
        "clinic_name": appointment.clinic,
        "clinician_name": appointment.clinician,
        "appointment_type": appointment.kind,
        "startDate": us_date(appointment.start.date()),
        "startTime": _time(appointment.start),
        "endDate": us_date(end.date() if end else None),
        "endTime": _time(end),
        "note": carriage_returns(appointment.note),
    }


def _note(note: Note) -> Row:
    return {
        "id": note.key,
        "patient_id": note.patient.key,
        "Date": us_date(note.day),
        "Note": carriage_returns(note.text),
        "Note Type": note.kind,
        "creationAccountName": note.author,
    }


def _letter(letter: Letter) -> Row:
    return {
        "id": letter.key,
        "patient_id": letter.patient.key,
        "Date": us_date(letter.day),
        "To": letter.recipient,
        "Title": letter.title,
        "Body": carriage_returns(letter.body),
        "Type": letter.kind,
    }


def _reminder(reminder: Reminder) -> Row:
    return {
        "id": reminder.key,
        "patient_id": reminder.patient.key,
        "appointment_id": reminder.appointment.key if reminder.appointment else "",
        "clinic_name": reminder.clinic,
        "note": carriage_returns(reminder.text),
        "reminder_date": us_date(reminder.due),
        "status": reminder.status,
    }
