"""FileMaker's events: appointments, block bookings and holidays; and the appointments that Nexus has of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from .. import texts
from ..dice import Dice, us_date, zoned
from ..layoutfiles import carriage_returns
from ..ledger import Row
from ..live import appointment_row
from ..source import APPOINTMENT_FUTURE_DAYS, APPOINTMENT_PAST_DAYS, Appointment, Patient
from . import words
from .scene import Scene

LAYOUT = "API_event"
CALENDAR_CASE_SHARE = 0.2  # `idCal` is a calculation over what a calendar program wrote
END_OF_DAY = "24:00:00"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a patient; kinds say what is wrong with its calendar, its start and its end."""

    key: str
    patient: Patient
    calendar_kind: str
    start_kind: str
    end_kind: str
    calendar: str
    start: datetime
    minutes: int

    @property
    def live_start(self) -> datetime:
        """The start that the last import gave it."""
        if self.start_kind == "no_time":
            return datetime.combine(self.start, time())
        if self.start_kind == "midnight":
            return datetime.combine(self.start, time(23, 59, 59))
        return self.start

    @property
    def end(self) -> datetime:
        """The end of FileMaker's fields, where they say one."""
        return self.start + timedelta(minutes=0 if self.end_kind == "end_equal" else self.minutes)


def add_events(scene: Scene) -> None:
    """Add all events, and the live appointments of those with a patient."""
    dice, live_dice = scene.dice("events"), scene.dice("live appointments")
    events = _patient_events(scene, dice)
    by_staff = _staffed(scene, live_dice, events)
    null_ends = {event.key for event in live_dice.some(events, scene.sizes.events_null_end)}
    for event in sorted(events, key=lambda event: (event.start, event.key)):
        note = texts.booking_note(dice) if dice.chance(0.35) else ""
        _add_record(scene, dice, event, note)
        staff_made = event.key in by_staff
        _add_live(scene, live_dice, event, note, staff_made=staff_made, has_end=event.key not in null_ends)
    # The others start at 24:00:00, which the last import took for a second before the same day's end.
    scene.truth.adoptable_appointments = sorted(event.key for event in events if event.start_kind != "midnight")
    for _ in range(scene.sizes.block_bookings):
        _add_block(scene, dice)


def _patient_events(scene: Scene, dice: Dice) -> list[Event]:
    """Return the events of patients; no patient has two at one start, so that a start identifies one."""
    sizes = scene.sizes
    total = sizes.events_of_patients
    counts = {
        "unresolvable": sizes.events_unresolvable,
        "foreign_calendar": sizes.events_foreign_calendar,
        "clinic_by_staff": sizes.events_clinic_by_staff,
    }
    calendar_kinds = dice.kinds(counts, total, "clinic")
    start_counts = {"no_time": sizes.events_without_time, "midnight": sizes.events_at_midnight}
    start_kinds = dice.kinds(start_counts, total, "timed")
    end_counts = {
        "end_missing": sizes.events_end_missing,
        "end_equal": sizes.events_end_equal,
        "end_before_start": sizes.events_end_before_start,
        "end_without_date": sizes.events_end_without_date,
    }
    end_kinds = dice.kinds(end_counts, total, "end_given")
    taken: set[tuple[str, datetime]] = set()
    events = []
    for kinds in zip(calendar_kinds, start_kinds, end_kinds, strict=True):
        event = _event(scene, dice, *kinds)
        while (event.patient.key, event.live_start) in taken:
            event = _event(scene, dice, *kinds)
        taken.add((event.patient.key, event.live_start))
        events.append(event)
    return events


def _event(scene: Scene, dice: Dice, calendar_kind: str, start_kind: str, end_kind: str) -> Event:
    homeless = [*scene.clinicless["unknown"], *scene.clinicless["missing"]]
    owners = {"unresolvable": homeless, "clinic_by_staff": homeless + scene.clinicless["spelled"]}
    patient = dice.pick(owners.get(calendar_kind, scene.with_clinic))
    if calendar_kind in {"unresolvable", "foreign_calendar"}:
        calendar = dice.pick(list(scene.foreign_keys.values()))
    else:
        clinics = list(scene.clinic_keys)
        calendar = scene.clinic_keys[patient.clinic if patient.clinic and dice.chance(0.9) else dice.pick(clinics)]
    first, last = (-APPOINTMENT_PAST_DAYS, APPOINTMENT_FUTURE_DAYS)
    start = dice.slot(scene.today + timedelta(days=first), scene.today + timedelta(days=last))
    end_kind = "end_missing" if start_kind != "timed" else end_kind
    minutes = dice.pick((20, 30, 30, 45, 60))
    return Event(dice.filemaker_id(), patient, calendar_kind, start_kind, end_kind, calendar, start, minutes)


def _add_record(scene: Scene, dice: Dice, event: Event, note: str) -> None:
    starts = {"no_time": "", "midnight": END_OF_DAY}
    clock = starts.get(event.start_kind, event.start.time().isoformat("seconds"))
    end = event.start - timedelta(minutes=15) if event.end_kind == "end_before_start" else event.end
    has_end = event.end_kind != "end_missing"
    record: Row = {
        "id": event.key,
        "title": f"{event.patient.first_name} {event.patient.last_name}",
        "startDate": us_date(event.start.date()),
        "endDate": us_date(end.date()) if has_end and event.end_kind != "end_without_date" else "",
        "startTime": clock,
        "endTime": end.time().isoformat("seconds") if has_end else "",
        "FLAG All day": dice.pick((0, 0, "")),
        "idCal": scene.filemaker.link(event.calendar, CALENDAR_CASE_SHARE),
        "id_Contact": scene.filemaker.link(event.patient.key),
        "note": carriage_returns(note),
        "noteClinic": "bring old shoes" if dice.chance(0.02) else "",
        "No SMS": dice.pick((0, "", "", 1)),
        "FLAG Follow Up": 1 if dice.chance(0.05) else "",
    }
    troubles = [kind for kind in (event.start_kind, event.end_kind) if kind not in {"timed", "end_given"}]
    if event.calendar_kind in {"unresolvable", "foreign_calendar"}:
        troubles.append("calendar_no_clinic")
    if event.calendar_kind == "unresolvable":
        troubles.append("unresolvable_clinic")
    scene.filemaker.add(LAYOUT, record, *troubles)


def _staffed(scene: Scene, dice: Dice, events: list[Event]) -> set[str]:
    """Return the events whose appointment staff gave a clinician and a type; FileMaker has neither."""
    count = len(events) - scene.sizes.events_without_clinician
    return {event.key for event in dice.some(events, count)}


def _add_live(scene: Scene, dice: Dice, event: Event, note: str, *, staff_made: bool, has_end: bool) -> None:
    configuration, ledger = scene.configuration, scene.ledger
    clinic_of_calendar = scene.truth.calendar_clinics[event.calendar] or ""
    clinic = clinic_of_calendar if event.calendar_kind == "clinic_by_staff" else event.patient.clinic
    clinician = dice.pick(list(configuration.clinicians)) if staff_made else ""
    kind = dice.pick(list(configuration.appointment_types)) if staff_made else ""
    start = event.live_start
    view = Appointment(event.key, event.patient, clinic, clinician, kind, start, None, "")
    end = event.end if event.end_kind == "end_given" else start
    if event.end_kind == "end_before_start":
        end = start - timedelta(minutes=15)
    nexus_id = dice.uuid()
    row = appointment_row(ledger, configuration, dice, view, nexus_id, None)
    row["end_time"] = zoned(end) if has_end else None
    row["status"] = row["status"] if staff_made else "scheduled"
    ledger.add("appointments", row)
    ledger.appointment_ids[event.key] = nexus_id
    scene.truth.appointments[event.key] = nexus_id
    guessed = clinic and clinic != clinic_of_calendar
    scene.truth.live_appointment_kinds[event.key] = _live_kind(event, clinic, is_guess_wrong=bool(guessed))
    ledger.source.appointments.append(Appointment(event.key, event.patient, clinic, clinician, kind, start, end, note))


def _live_kind(event: Event, clinic: str, *, is_guess_wrong: bool) -> str:
    """Return where the live clinic came from: nowhere, staff, or the patient's own, right or not."""
    if not clinic:
        return "no_clinic"
    if event.calendar_kind == "clinic_by_staff":
        return "set_by_staff"
    if event.calendar_kind == "foreign_calendar":
        return "guessed_unprovable"
    return "guessed_wrong" if is_guess_wrong else "guessed_right"


def _add_block(scene: Scene, dice: Dice) -> None:
    """Add an event without a patient: some all day, some over several days, some until the end of the day."""
    first, last = scene.today - timedelta(days=APPOINTMENT_PAST_DAYS), scene.today + timedelta(days=365)
    start = dice.slot(first, last)
    kind = dice.rng.choices(("hours", "all_day", "days", "to_midnight"), (0.6, 0.25, 0.1, 0.05))[0]
    last_day: date = start.date() + timedelta(days=dice.number(1, 14) if kind == "days" else 0)
    until = (start + timedelta(minutes=30 * dice.number(1, 8))).time().isoformat("seconds")
    whole_day = kind in {"all_day", "days"}
    calendars = [*scene.clinic_keys.values(), *scene.foreign_keys.values()]
    key = dice.filemaker_id()
    record: Row = {
        "id": key,
        "title": dice.pick(words.BLOCKS),
        "startDate": us_date(start.date()),
        "endDate": us_date(last_day),
        "startTime": "" if whole_day else start.time().isoformat("seconds"),
        "endTime": "" if whole_day else END_OF_DAY if kind == "to_midnight" else until,
        "allDay": "1" if whole_day else "",
        "FLAG All day": 1 if whole_day else 0,
        "idCal": scene.filemaker.link(dice.pick(calendars), CALENDAR_CASE_SHARE),
        "id_Referrer": scene.filemaker.link(dice.pick(scene.referrer_keys)) if dice.chance(0.01) else "",
        "noteDay": "closed" if whole_day and dice.chance(0.3) else "",
    }
    scene.truth.block_bookings.append(key)
    scene.filemaker.add(LAYOUT, record, "no_patient", f"block_{kind}")


def add_older_appointments(scene: Scene) -> None:
    """Add the records of the appointment system before this one, which was never imported."""
    dice = scene.dice("older appointments")
    oldest = scene.today - timedelta(days=8 * 365)
    for _ in range(scene.sizes.older_appointments):
        patient, clinic = dice.pick(scene.ledger.source.established), dice.pick(list(scene.clinic_keys))
        moment = dice.slot(oldest, scene.today - timedelta(days=APPOINTMENT_PAST_DAYS))
        record: Row = {
            "id": dice.filemaker_id(),
            "id_Contact": scene.filemaker.link(patient.key),
            "id_Clinic": scene.filemaker.link(scene.clinic_keys[clinic]),
            "Clinic Name": clinic,
            "Contact Name": f"{patient.first_name} {patient.last_name}",
            "Clinic Date": us_date(moment.date()),
            "Time": moment.time().isoformat("seconds"),
        }
        scene.filemaker.add("API_Clinics_Details", record)
