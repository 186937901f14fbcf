"""Phones, e-mail and addresses: FileMaker's contact details, and what Nexus made of those of patients."""

from __future__ import annotations

from .. import names
from ..dice import Dice
from ..ledger import Row
from ..source import Patient
from . import words
from .scene import Scene

LAYOUT = "API_Contact_Details"


def add_details(scene: Scene) -> None:
    """Add all details, and give the live patients theirs: most as lists, some in the older shape, some none."""
    dice, sizes = scene.dice("contact details"), scene.sizes
    with_details = dice.some(scene.ledger.source.established, sizes.patients_with_details)
    details: dict[str, list[Row]] = {patient.key: [] for patient in with_details}
    more = [dice.pick(with_details) for _ in range(sizes.patient_phones - len(with_details))]
    special = {
        "without_zero": sizes.phones_without_zero,
        "impossible": sizes.phones_impossible,
        "overseas": sizes.phones_overseas,
    }
    kinds = dice.kinds(special, sizes.patient_phones, "usual")
    for patient, kind in zip([*with_details, *more], kinds, strict=True):
        details[patient.key].append(_add_phone(scene, dice, patient.key, kind))
    for patient in dice.some(with_details, sizes.patient_emails):
        details[patient.key].append(_add_email(scene, dice, patient.key))
    for patient in dice.some(with_details, sizes.patient_addresses):
        details[patient.key].append(_add_address(scene, dice, patient.key))
    _add_others(scene, dice, with_details)
    _fill_live(scene, dice, details)


def _phone(dice: Dice, kind: str) -> tuple[str, object, str, str]:
    """Return type, value, international format and trouble of a phone of a kind."""
    if kind == "without_zero":  # typed without spaces into a number field: the Data API gives a number, the 0 is gone
        digits = dice.digits(7)
        return "Mobile", int(f"41{digits}"), f"+6141{digits}", "phone_without_its_zero"
    if kind == "impossible":
        return dice.pick(("Phone", "Mobile")), words.impossible_phone(dice), "", "impossible_phone"
    if kind == "overseas":
        return "Mobile", words.overseas_phone(dice), "", "overseas_phone"
    if dice.chance(0.3):
        return "Phone", words.landline(dice), "", ""
    value, international = words.mobile(dice)
    return "Mobile", value, international, ""


def _add_phone(scene: Scene, dice: Dice, owner: str, phone_kind: str = "usual") -> Row:
    kind, value, international, trouble = _phone(dice, phone_kind)
    row: Row = {
        "id": dice.filemaker_id(),
        "id.key": scene.filemaker.link(owner),
        "type": kind,
        "Name": dice.pick(words.RELATIVES) if dice.chance(0.25) else "",
        "ph": value,
        "PhoneMobileIntFormat": international,
        "SMS Phone": 1 if kind == "Mobile" and dice.chance(0.8) else 0,
    }
    scene.ledger.remember(*(text for text in (str(value), international) if len(text) > 8))
    scene.filemaker.add(LAYOUT, row, *filter(None, [trouble]))
    return row


def _add_email(scene: Scene, dice: Dice, owner: str) -> Row:
    address = f"patient.{dice.digits(8)}@mail.example"
    value = dice.pick((address, address, address, address.upper(), f"{address} "))
    row: Row = {
        "id": dice.filemaker_id(),
        "id.key": scene.filemaker.link(owner),
        "type": "Email",
        "Name": dice.pick(words.RELATIVES) if dice.chance(0.1) else "",
        "ph": value,
        "Email default": dice.pick((1, 1, 1, 0, "")),
    }
    scene.ledger.remember(value.strip())
    scene.filemaker.add(LAYOUT, row, "email_in_number_field")
    return row


def _add_address(scene: Scene, dice: Dice, owner: str) -> Row:
    suburb, postcode = dice.pick(names.SUBURBS)
    street, unit = f"{dice.number(1, 240)} {dice.pick(names.STREETS)}", f"Unit {dice.number(1, 30)}"
    lines = (unit, street) if dice.chance(0.1) else (street, "")
    whole = [*filter(None, lines), f"{suburb} NSW {postcode}"]
    row: Row = {
        "id": dice.filemaker_id(),
        "id.key": scene.filemaker.link(owner),
        "type": "Address",
        "address 1": lines[0],
        "address 2": lines[1],
        "suburb": suburb if dice.chance(0.8) else suburb.upper(),
        "state": dice.pick(("NSW", "NSW", "nsw", "N.S.W.")),
        "post code": postcode,
        "country": dice.pick(("Australia", "")),
        "Xero address": dice.pick((0, 1, "")),
        "location": dice.pick(("Home", "Home", "Postal", "")),
        "Full Address": "\r".join(whole),
        "Full Address one line": ", ".join(whole),
    }
    scene.filemaker.add(LAYOUT, row)
    return row


def _add_others(scene: Scene, dice: Dice, patients: list[Patient]) -> None:
    """Add the details of referrers and companies, of owners that are gone, and rows without a value."""
    sizes = scene.sizes
    makers = (_add_phone, _add_phone, _add_address)
    for keys, count in ((scene.referrer_keys, sizes.referrer_details), (scene.company_keys, sizes.company_details)):
        for number in range(count):
            makers[number % len(makers)](scene, dice, keys[number % len(keys)])
    for number in range(sizes.lost_details):
        makers[number % len(makers)](scene, dice, dice.filemaker_id())
        scene.filemaker.note_newest(LAYOUT, "owner_gone")
    for _ in range(sizes.blank_details):
        blank: Row = {
            "id": dice.filemaker_id(),
            "id.key": scene.filemaker.link(dice.pick(patients).key),
            "type": dice.pick(("Phone", "Mobile", "Email", "Address", "")),
        }
        scene.filemaker.add(LAYOUT, blank, "no_value")


def _fill_live(scene: Scene, dice: Dice, details: dict[str, list[Row]]) -> None:
    without = [row for row in scene.ledger.tables["patients"] if _key(row) not in details]
    for row in scene.ledger.tables["patients"]:
        if rows := details.get(_key(row)):
            row["contact_json"], row["address_json"] = _contact_json(rows), _address_json(rows)
            scene.truth.contact_values[_key(row)] = {
                "phones": [str(found["ph"]) for found in rows if found["type"] in {"Phone", "Mobile"}],
                "emails": [str(found["ph"]).strip() for found in rows if found["type"] == "Email"],
                "addresses": [str(found["address 1"]) for found in rows if found["type"] == "Address"],
            }
    for row in dice.some(without, scene.sizes.older_contact_shape):
        value = words.mobile(dice)[0]
        scene.ledger.remember(value)
        row["contact_json"] = {"mobile": {"Mobile": {"value": value, "default": True}}}


def _key(row: Row) -> str:
    metadata = row["filemaker_metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["filemaker_id"])


def _contact_json(rows: list[Row]) -> Row:
    phones = [
        {"type": row["type"], "number": str(row["ph"]), "label": row["Name"]}
        for row in rows
        if row["type"] in {"Phone", "Mobile"}
    ]
    emails = [{"address": str(row["ph"]).strip(), "label": row["Name"]} for row in rows if row["type"] == "Email"]
    contact: Row = {"phones": phones, "emails": emails}
    return contact | {"email": emails[0]["address"]} if emails else contact


def _address_json(rows: list[Row]) -> Row:
    """Return the addresses as a list, and the first of them flat."""
    addresses = [
        {
            "line1": row["address 1"],
            "line2": row["address 2"],
            "suburb": row["suburb"],
            "state": row["state"],
            "postcode": row["post code"],
            "country": row["country"],
            "label": row["location"],
            "full_address": row["Full Address one line"],
        }
        for row in rows
        if row["type"] == "Address"
    ]
    if not addresses:
        return {}
    first = addresses[0]
    flat: Row = {"street": first["line1"], "street2": first["line2"], "type": first["label"]}
    flat |= {name: first[name] for name in ("suburb", "state", "postcode")}
    return flat | {"addresses": addresses}
