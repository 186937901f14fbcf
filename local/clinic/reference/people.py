"""The patients: FileMaker's contacts, and the rows that the last working import made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from .. import names
from ..dice import Dice, us_date, us_timestamp
from ..ledger import Row
from ..live import patient_row, remember_person
from ..source import Patient, Source, coordinator_name, make_patient
from . import words
from .scene import Scene
from .sizes import ReferenceSizes

SEX_CODES = {"male": "M", "m": "M", "female": "F", "f": "F", "other": "O"}
CLINIC_KINDS = ("spelled", "unknown", "missing")
OPENED_DAYS = 8 * 365
PATIENTS_OF_A_COORDINATOR = 3


def make_people(sizes: ReferenceSizes, seed: int, today: date) -> Source:
    """Return FileMaker's contacts as patients; those without any name are the newcomers."""
    dice = Dice(seed, "patients")
    patients = [_person(dice, today) for _ in range(sizes.patients)]
    named = sizes.imported_patients
    nameless = [
        replace(patient, title="", first_name="", middle_names="", last_name="", clinic="")
        for patient in patients[named:]
    ]
    return Source(patients[:named] + nameless, newcomers={patient.key for patient in nameless})


def _person(dice: Dice, today: date) -> Patient:
    person = make_patient(dice, today)
    feminine = person.first_name in names.FEMALE_FIRST_NAMES
    return replace(
        person,
        title=dice.pick(words.FEMALE_TITLES if feminine else words.MALE_TITLES),
        gender=dice.pick(words.FEMALE_GENDERS if feminine else words.MALE_GENDERS),
        born=person.born or date(1950, 1, 1),  # who has none is decided by count, not by chance
        funding="",
        plan_start=None,
        plan_end=None,
        coordinator="",
    )


def choose_troubles(scene: Scene) -> dict[str, str]:
    """Give the established patients their troubles, and return the kind of each one's clinic, by key.

    Changes the patients in the source: the title, date of birth, clinic and NDIS fields they have in Nexus.
    """
    dice, sizes, source = scene.dice("patient troubles"), scene.sizes, scene.ledger.source
    counts = {"spelled": sizes.clinic_spelled, "unknown": sizes.clinic_unknown, "missing": sizes.clinic_missing}
    kinds = dice.kinds(counts, len(source.established), "named")
    born = dice.kinds({"missing": sizes.born_missing}, len(source.established), "present")
    titled = dice.kinds({"in_list": sizes.titles_in_list}, len(source.established), "other")
    planned = dice.kinds({"named": sizes.coordinator_named}, len(source.established), "none")
    # one coordinator has several patients
    coordinators = [coordinator_name(dice) for _ in range(max(1, sizes.coordinator_named // PATIENTS_OF_A_COORDINATOR))]
    established = []
    clinic_kinds = {}
    for number, patient in enumerate(source.established):
        changed = replace(
            patient,
            born=patient.born if born[number] == "present" else None,
            title="Miss" if titled[number] == "in_list" else patient.title,
        )
        if planned[number] == "named":
            start = dice.day(scene.today - timedelta(days=500), scene.today)
            changed = replace(
                changed, coordinator=dice.pick(coordinators), plan_start=start, plan_end=start + timedelta(days=364)
            )
        clinic_kinds[patient.key] = kinds[number]
        established.append(changed)
    _replace_people(scene, established, clinic_kinds)
    return clinic_kinds


def _replace_people(scene: Scene, established: list[Patient], clinic_kinds: dict[str, str]) -> None:
    """Let the source hold the patients as Nexus has them; keep what FileMaker knows of their clinic."""
    scene.clinicless = {kind: [] for kind in CLINIC_KINDS}
    seen = []
    for patient in established:
        kind = clinic_kinds[patient.key]
        knows = kind in {"named", "spelled"}
        scene.truth.patient_clinics[patient.key] = patient.clinic if knows else None
        if kind == "named":
            seen.append(patient)
        else:
            seen.append(replace(patient, clinic=""))
            scene.clinicless[kind].append(seen[-1])
    for patient in scene.nameless:
        scene.truth.patient_clinics[patient.key] = None
    source = scene.ledger.source
    source.patients[:] = seen + source.arrived
    source.established[:] = seen


def add_people(scene: Scene, clinic_kinds: dict[str, str]) -> None:
    """Add the contacts, and the live rows of those that have a name."""
    dice, live_dice = scene.dice("contacts"), scene.dice("live patients")
    with_born = [patient.key for patient in scene.ledger.source.established if patient.born]
    day_first = set(dice.some(with_born, scene.sizes.born_day_first))
    for patient in scene.ledger.source.established:
        day_of_birth = patient.born
        if patient.key in day_first and day_of_birth:
            # A day above 12: read month first it does not exist, and the last import guessed it day first.
            day_of_birth = day_of_birth.replace(day=13 + day_of_birth.day % 15)
            patient = replace(patient, born=day_of_birth)
        contact = _contact(scene, dice, patient, clinic_kinds[patient.key])
        troubles = [f"clinic_{clinic_kinds[patient.key]}"] if clinic_kinds[patient.key] != "named" else []
        if patient.key in day_first and day_of_birth:
            contact["DOB"] = f"{day_of_birth:%d/%m/%Y}"
            troubles.append("day_first_date")
        if not day_of_birth:
            troubles.append("no_date_of_birth")
        troubles += ["title_outside_list"] if patient.title != "Miss" else []
        scene.filemaker.add("API_Contacts", contact, *troubles)
        _add_live(scene, live_dice, patient, contact)
    for patient in scene.nameless:
        contact = _contact(scene, dice, patient, "missing") | {"contactType": ""}
        scene.filemaker.add("API_Contacts", contact, "nameless")
        scene.truth.patients[patient.key] = None


def _contact(scene: Scene, dice: Dice, patient: Patient, clinic_kind: str) -> Row:
    clinic = scene.truth.patient_clinics[patient.key] or ""
    text = {"named": clinic, "missing": ""}.get(clinic_kind)
    if text is None:
        text = words.spelled(dice, clinic) if clinic else words.unknown_clinic(dice)
    has_id = bool(clinic) and (clinic_kind == "spelled" or dice.chance(0.95))
    contact: Row = {
        "id": patient.key,
        "title": patient.title,
        "nameFirst": patient.first_name,
        "nameMiddle": patient.middle_names,
        "nameLast": patient.last_name,
        "DOB": us_date(patient.born),
        "gender": patient.gender,
        "contactType": "Patient",
        "Health Number": patient.health_number,
        "id_Clinic": scene.filemaker.link(scene.clinic_keys[clinic]) if has_id else "",
        "Clinic_Name": text,
        "_kf_XeroContactID": dice.uuid() if dice.chance(0.1) else "",
        **_plan(dice, patient),
        "Diabetes": dice.pick((0, 0, 1, "")),
        "Impaired Vision": dice.pick((0, "", "", 1)),
        "Impaired Hearing": dice.pick((0, "", "", 1)),
        "Flaged": "Flaged" if dice.chance(0.03) else "",
        "CYS_ID": dice.number(1_000, 99_999),
        "Area": dice.pick(words.AREAS),
        "sms": dice.pick((1, 1, 0, "")),
        "RECORD_ACTIVE_INDICATOR": "1",
        "creationTimestamp": us_timestamp(patient.created),
        "modificationTimestamp": us_timestamp(patient.modified),
        "creationAccountName": dice.pick(names.ACCOUNTS),
    }
    return contact


def _plan(dice: Dice, patient: Patient) -> Row:
    if not patient.coordinator:
        return {}
    return {
        "NDIS Plan Start Date": us_date(patient.plan_start),
        "NDIS Plan End Date": us_date(patient.plan_end),
        "NDIS Coordinator Name": patient.coordinator,
        "NDIS Coordinator Phone": words.mobile(dice)[0],
        "NDIS Coordinator Email": f"coordinator.{dice.digits(6)}@mail.example",
        "NDIS notes": "Plan managed" if dice.chance(0.3) else "",
    }


def _add_live(scene: Scene, dice: Dice, patient: Patient, contact: Row) -> None:
    nexus_id = dice.uuid()
    ledger = scene.ledger
    remember_person(ledger, patient)
    ledger.patient_ids[patient.key] = scene.truth.patients[patient.key] = nexus_id
    row = patient_row(ledger, scene.configuration, dice, patient, nexus_id)
    row |= {
        "mrn": None,
        "sex": SEX_CODES.get(patient.gender.strip().lower(), ""),
        "coordinator_name": None,
        "coordinator_date": None,
        "notes": row["notes"] or "",
        "filemaker_metadata": _metadata(contact),
        "contact_json": {},
        "address_json": {},
    }
    ledger.add("patients", row)


def _metadata(contact: Row) -> Row:
    """Return the keys that the last working import kept; the id in FileMaker's case."""
    metadata: Row = {
        "filemaker_id": contact["id"],
        "clinic_name": str(contact["Clinic_Name"]).strip(),
        "area": contact["Area"],
        "contact_type": contact["contactType"],
        "cys_id": contact["CYS_ID"],
        "diabetes": contact["Diabetes"],
        "id_clinic": contact["id_Clinic"],
    }
    if contact.get("NDIS Coordinator Name"):
        metadata["ndis"] = {
            "coordinator_name": contact["NDIS Coordinator Name"],
            "coordinator_email": contact["NDIS Coordinator Email"],
            "coordinator_phone": contact["NDIS Coordinator Phone"],
            "plan_start_date": contact["NDIS Plan Start Date"],
            "plan_end_date": contact["NDIS Plan End Date"],
            "notes": contact["NDIS notes"],
        }
    return metadata
