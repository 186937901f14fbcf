"""The practice's lists, and the organisations and people around a patient: clinics, calendars, referrers, companies."""

from __future__ import annotations

from datetime import date, timedelta

from .. import names
from ..dice import Dice, us_date
from ..ledger import Row
from . import words
from .scene import Scene

OLDEST_LINK_DAYS = 2_000


def add_lists(scene: Scene) -> None:
    """Add FileMaker's clinics under the ids that Nexus's clinics carry, its calendars and its funding sources."""
    dice, filemaker = scene.dice("lists"), scene.filemaker
    for clinic in scene.ledger.tables["clinics"]:
        name, key = str(clinic["name"]), str(clinic["filemaker_id"]).upper()
        scene.clinic_keys[name] = key
        scene.truth.calendar_clinics[key] = name
        filemaker.add("API_Clinic_Name", {"id": key, "Name": name, "SMS Toggle": 1})
        filemaker.add("API_calendar", _calendar(dice, key, name, str(clinic["color"])))
    for name in words.FOREIGN_CALENDARS:
        key = scene.foreign_keys[name] = dice.filemaker_id()
        scene.truth.calendar_clinics[key] = None
        filemaker.add("API_calendar", _calendar(dice, key, name, "#9CA3AF"), "no_clinic")
    for name, code in names.FUNDING_SOURCES:
        filemaker.add("API_Funding_Sources", {"id": dice.filemaker_id(), "Name": name, "Abbreviation": code})


def _calendar(dice: Dice, key: str, name: str, colour: str) -> Row:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    toggle = 1 if dice.chance(0.8) else 0
    return {"id": key, "name": name, "color": f"{red},{green},{blue}", "colorRGB": colour, "SMS Toggle": toggle}


def add_organisations(scene: Scene) -> None:
    """Add companies and referrers to both systems, and a company that only Nexus has."""
    dice = scene.dice("organisations")
    for number in range(scene.sizes.imported_companies):
        _add_company(scene, dice, number)
    typed = _company_row(scene, dice, f"{dice.pick(names.COMPANY_WORDS)} Orthotic Supplies", None)
    scene.configuration.companies.append(scene.ledger.add("companies", typed))
    for _ in range(scene.sizes.imported_referrers):
        _add_referrer(scene, dice)
    for _ in range(scene.sizes.referrers_one_name):
        key = dice.filemaker_id()
        scene.truth.referrers[key] = None
        one_name: Row = {"id": key, "title": "Dr.", "nameLast": dice.pick(names.OTHER_LAST_NAMES)}
        scene.filemaker.add("API_Referrer", one_name, "one_name")
    _add_joins(scene, dice)


def _add_company(scene: Scene, dice: Dice, number: int) -> None:
    kind, company_type = dice.pick(names.COMPANY_KINDS)
    key, name = dice.filemaker_id(), f"{dice.pick(names.COMPANY_WORDS)} {kind} {number + 1}"
    row = _company_row(scene, dice, name, key) | {"company_type": company_type}
    record: Row = {
        "id": key,
        "Name": name,
        "ABN": row["abn"],
        "Type": words.COMPANY_TYPES[company_type],
        "Location": dice.pick(names.SUBURBS)[0],
        "_kf_XeroContactID": dice.uuid() if dice.chance(0.3) else "",
    }
    scene.filemaker.add("API_Company", record)
    scene.company_keys.append(key)
    nexus_id = scene.ledger.add("companies", row)
    scene.truth.companies[key] = nexus_id
    scene.configuration.companies.append(nexus_id)


def _company_row(scene: Scene, dice: Dice, name: str, key: str | None) -> Row:
    return {
        "id": dice.uuid(),
        "name": name,
        "abn": dice.digits(11),
        "contact_json": {},
        "address_json": {},
        "company_type": "OTHER",
        "filemaker_id": key.lower() if key else None,
        **scene.ledger.stamps(scene.ledger.opened),
    }


def _add_referrer(scene: Scene, dice: Dice) -> None:
    key, specialty = dice.filemaker_id(), dice.number(0, len(scene.configuration.specialties) - 2)
    person = _person(dice)
    record: Row = {
        "id": key,
        "title": "Dr.",
        "nameFirst": person["first_name"],
        "nameLast": person["last_name"],
        "contactType": words.REFERENCE_PRACTICE.specialties[specialty],
        "id_Clinic": scene.filemaker.link(dice.pick(list(scene.clinic_keys.values()))) if dice.chance(0.3) else "",
        "RECORD_ACTIVE_INDICATOR": "1",
    }
    scene.filemaker.add("API_Referrer", record)
    scene.referrer_keys.append(key)
    specialty_id = scene.configuration.specialties[specialty]
    nexus_id = scene.ledger.add("referrers", _referrer_row(scene, dice, person, specialty_id, key))
    scene.truth.referrers[key] = nexus_id
    scene.configuration.referrers.append(nexus_id)


def _person(dice: Dice) -> Row:
    first_names = dice.pick((names.FEMALE_FIRST_NAMES, names.MALE_FIRST_NAMES))
    return {"first_name": dice.pick(first_names), "last_name": dice.pick(names.OTHER_LAST_NAMES)}


def _referrer_row(scene: Scene, dice: Dice, person: Row, specialty_id: str, key: str | None) -> Row:
    return {
        "id": dice.uuid(),
        "title": "Dr." if key else None,
        **person,
        "specialty_id": specialty_id,
        "contact_json": {},
        "address_json": {},
        "practice_name": None,
        "company_id": None,
        "notes": None,
        "filemaker_id": key.lower() if key else None,
        **scene.ledger.stamps(scene.ledger.opened),
    }


def _add_joins(scene: Scene, dice: Dice) -> None:
    """Tie referrers to companies; some joins stand twice, some name a referrer that was never imported."""
    sizes, pairs = scene.sizes, dict[tuple[str, str], str]()
    while len(pairs) < sizes.company_joins:
        pairs.setdefault((dice.pick(scene.referrer_keys), dice.pick(scene.company_keys)), dice.uuid())
    for (referrer, company), nexus_id in pairs.items():
        _add_join(scene, referrer, company)
        scene.truth.company_joins[nexus_id] = [referrer, company]
        row: Row = {
            "id": nexus_id,
            "referrer_id": scene.truth.referrers[referrer],
            "company_id": scene.truth.companies[company],
            "position": None,
            "is_primary": False,
            "filemaker_id": None,
            **scene.ledger.stamps(scene.ledger.opened),
        }
        scene.ledger.add("referrer_companies", row)
    for referrer, company in dice.some(list(pairs), sizes.company_joins_repeated):
        _add_join(scene, referrer, company, "repeated")
    for _ in range(sizes.company_joins_lost):
        _add_join(scene, _unimported(scene, dice), dice.pick(scene.company_keys), "referrer_not_imported")


def _add_join(scene: Scene, referrer: str, company: str, *troubles: str) -> None:
    link = scene.filemaker.link
    record: Row = {"id_Referrer": link(referrer), "id_Company": link(company), "date": ""}
    scene.filemaker.add("API_ReferrerToCompany_Join", record, *troubles)


def _unimported(scene: Scene, dice: Dice) -> str:
    return dice.pick([key for key, nexus_id in scene.truth.referrers.items() if nexus_id is None])


def add_referrals(scene: Scene) -> None:
    """Tie patients to referrers, without an id in FileMaker; the newest link of a patient is the primary one."""
    dice, sizes = scene.dice("referrals of FileMaker"), scene.sizes
    pairs: dict[tuple[str, str], date] = {}
    established = scene.ledger.source.established
    while len(pairs) < sizes.referrer_links:
        pair = (dice.pick(established).key, dice.pick(scene.referrer_keys))
        pairs.setdefault(pair, dice.day(scene.today - timedelta(days=OLDEST_LINK_DAYS), scene.today))
    newest = {patient: (day, referrer) for (patient, referrer), day in sorted(pairs.items(), key=lambda item: item[1])}
    for (patient, referrer), day in pairs.items():
        _add_referral(scene, patient, referrer, day)
        row = _referral_row(scene, dice, patient, str(scene.truth.referrers[referrer]), day)
        row["is_primary"] = newest[patient] == (day, referrer)
        scene.truth.referrer_links[scene.ledger.add("patient_referrers", row)] = [patient, referrer]
    for pair in dice.some(list(pairs), sizes.referrer_links_repeated):
        _add_referral(scene, *pair, min(pairs[pair] + timedelta(days=30), scene.today), "repeated")
    for _ in range(sizes.referrer_links_lost):
        day = dice.day(scene.today - timedelta(days=OLDEST_LINK_DAYS), scene.today)
        _add_referral(scene, dice.pick(established).key, _unimported(scene, dice), day, "referrer_not_imported")
    _add_coordinators(scene, dice)


def _add_referral(scene: Scene, patient: str, referrer: str, day: date, *troubles: str) -> None:
    link = scene.filemaker.link
    record: Row = {"id_Contact": link(patient), "id_Perscriber": link(referrer), "date": us_date(day)}
    scene.filemaker.add("API_ContactToReferrer", record, *troubles)


def _referral_row(scene: Scene, dice: Dice, patient: str, referrer_id: str, day: date) -> Row:
    return {
        "id": dice.uuid(),
        "patient_id": scene.ledger.patient_ids[patient],
        "referrer_id": referrer_id,
        "referral_date": day,
        "referral_reason": None,
        "status": "ACTIVE",
        "is_primary": False,
        "filemaker_id": None,
        **scene.ledger.stamps(scene.ledger.opened),
    }


def _add_coordinators(scene: Scene, dice: Dice) -> None:
    """Add the coordinators whom the last import made referrers of, by name, and the links to their patients."""
    ledger = scene.ledger
    named = [patient for patient in ledger.source.established if patient.coordinator]
    specialty_id = scene.configuration.specialties[-1]
    for patient in dice.some(named, scene.sizes.coordinators_as_referrers):
        first, last = patient.coordinator.split(" - ")[0].split(" ", 1)
        row = _referrer_row(scene, dice, {"first_name": first, "last_name": last}, specialty_id, None)
        referrer_id = ledger.add("referrers", row)
        day = patient.plan_start or scene.today
        link = _referral_row(scene, dice, patient.key, referrer_id, day)
        ledger.add_nexus_made("patient_referrers", link, patient)
