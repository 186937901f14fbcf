"""Notes, letters and messages of FileMaker; of these only notes are in Nexus, some of them several times."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from .. import names, texts
from ..dice import Dice, us_date, us_timestamp
from ..layoutfiles import carriage_returns
from ..ledger import IMPORT_TIME, Row
from ..source import Letter, Patient
from . import words
from .scene import Scene

NOTES = "API_Notes"
MOST_COPIES = 4
SENDER = "0480 000 000"
SENDER_INTERNATIONAL = "+61480000000"


def add_notes(scene: Scene) -> None:
    """Add the notes; no patient has the same text twice in FileMaker, so that a text identifies one."""
    dice, sizes, source = scene.dice("notes"), scene.sizes, scene.ledger.source
    special = {"nul": sizes.notes_with_nul, "impossible_date": sizes.impossible_dates}
    kinds = dice.kinds(special, sizes.imported_notes, "plain")
    copies = dice.kinds({"several": sizes.notes_imported_repeatedly}, sizes.imported_notes, "one")
    seen: set[tuple[str, str]] = set()
    for kind, how_often in zip(kinds, copies, strict=True):
        patient, text = dice.pick(source.established), texts.consultation(dice)
        while (patient.key, text) in seen:
            text = texts.consultation(dice)
        seen.add((patient.key, text))
        key = _add_note(scene, dice, patient, text, kind)
        _add_copies(scene, dice, key, patient, text, dice.number(2, MOST_COPIES) if how_often == "several" else 1)
    for _ in range(sizes.empty_notes):
        patient = dice.pick(source.established)
        _add_note(scene, dice, patient, dice.pick(("", "", " ", "\n")), "empty_text")
    for _ in range(sizes.lost_notes):
        _add_note(scene, dice, dice.pick(source.arrived), texts.consultation(dice), "patient_not_imported")


def _add_note(scene: Scene, dice: Dice, patient: Patient, text: str, kind: str) -> str:
    day = dice.day(patient.created.date(), scene.today - timedelta(days=1))
    written = carriage_returns(text)
    if kind == "nul":
        half = len(written) // 2
        written = f"{written[:half]}\x00{written[half:]}"
    record: Row = {
        "id": dice.filemaker_id(),
        "id_Key": scene.filemaker.link(patient.key),
        "Date": words.impossible_date(dice) if kind == "impossible_date" else us_date(day),
        "Note": written,
        "Note Type": dice.pick(words.NOTE_TYPES),
        "Display": dice.pick(("1", "")),
        **_stamps(dice, day),
    }
    scene.filemaker.add(NOTES, record, *([kind] if kind != "plain" else []))
    key = str(record["id"])
    scene.truth.notes[key] = {"patient": patient.key, "nexus_id": None}
    if text.strip():
        scene.ledger.remember(texts.first_line(text))
    return key


def _stamps(dice: Dice, day: date) -> Row:
    moment = dice.moment(day, day)
    account = dice.pick(names.ACCOUNTS)
    stamps = {"creationTimestamp": us_timestamp(moment), "modificationTimestamp": us_timestamp(moment)}
    return {**stamps, "creationAccountName": account}


def _add_copies(scene: Scene, dice: Dice, key: str, patient: Patient, text: str, count: int) -> None:
    """Add what each import made of a note: type `other`, dated by the import, its FileMaker id forgotten."""
    ledger = scene.ledger
    # The oldest copy is also the one with the lowest id: whichever rule picks one, it picks this.
    ids = sorted(dice.uuid() for _ in range(count))
    for age, nexus_id in enumerate(ids):
        created = datetime.combine(ledger.opened.date(), IMPORT_TIME) + timedelta(hours=age)
        row: Row = {
            "id": nexus_id,
            "patient_id": ledger.patient_id(patient),
            "note_type": "other",
            "content": text,
            **ledger.stamps(created),
            "created_by": dice.pick(names.ACCOUNTS),
        }
        ledger.add("notes", row)
    scene.truth.notes[key]["nexus_id"] = ids[0]
    if count > 1:
        scene.truth.surplus_notes[key] = ids[1:]


def add_letters(scene: Scene) -> None:
    """Add FileMaker's letters, of which Nexus has none."""
    dice = scene.dice("letters")
    for _ in range(scene.sizes.letters):
        patient, kind = dice.pick(scene.ledger.source.established), dice.pick(names.LETTER_TYPES)
        day = dice.day(patient.created.date(), scene.today - timedelta(days=1))
        recipient = f"Dr {dice.pick(names.FEMALE_FIRST_NAMES)} {dice.pick(names.OTHER_LAST_NAMES)}"
        title, body = f"{kind}: {patient.first_name} {patient.last_name}", texts.letter_body(dice)
        letter = Letter(dice.filemaker_id(), patient, day, recipient, title, body, kind)
        record: Row = {
            "id": letter.key,
            "id.key": scene.filemaker.link(patient.key),
            "Name": f"{patient.first_name} {patient.last_name}",
            "Date": us_date(day),
            "To": recipient,
            "Dear": recipient.rpartition(" ")[2],
            "Title": title,
            "Body": carriage_returns(body),
            "Type": kind,
            "Letter by": dice.pick(names.CLINICIANS),
            "Active": dice.pick(("1", "1", "0")),
            "Referrer Name": recipient,
            **_stamps(dice, day),
        }
        scene.filemaker.add("@Letters", record)
        scene.ledger.source.letters.append(letter)
        scene.truth.letters[letter.key] = patient.key


def add_messages(scene: Scene) -> None:
    """Add the text messages that FileMaker sent and got, of which Nexus has none."""
    dice, sizes = scene.dice("messages of FileMaker"), scene.sizes
    special = {"no_contact": sizes.messages_without_contact, "contact_gone": sizes.messages_lost_contact}
    events = [(key, patient) for key, _, patient in scene.ledger.live_appointments()]
    for number, kind in enumerate(dice.kinds(special, sizes.messages, "linked"), start=1):
        _add_message(scene, dice, number, kind, *dice.pick(events))
    for _ in range(sizes.replies):
        patient = dice.pick(scene.ledger.source.established)
        text, (_, international) = dice.pick(("Yes", "yes thanks", "N", "Can we change the day?")), words.mobile(dice)
        record: Row = {
            "_kp_ReplyID": dice.filemaker_id(),
            "_kf_ContactID": scene.filemaker.link(patient.key),
            "ReplyMessageBody": f"{text} {texts.sms_text(dice)[3:]}" if dice.chance(0.3) else text,
            "Timestamp": us_timestamp(_moment(scene, dice)),
            "SenderPhoneMobileIntFormat": international,
            "DestinationPhoneMobileIntFormat": SENDER_INTERNATIONAL,
            "_kf_GatewayMessageID": dice.token()[:16],
        }
        scene.filemaker.add("API_Replies", record)
        scene.truth.replies[str(record["_kp_ReplyID"])] = patient.key


def _add_message(scene: Scene, dice: Dice, number: int, kind: str, event: str, patient: Patient) -> None:
    typed, international = words.mobile(dice)
    text = texts.sms_text(dice)
    contact = {"no_contact": "", "contact_gone": dice.filemaker_id()}.get(kind, patient.key)
    about_event = kind == "linked" and dice.chance(0.75)
    status = dice.pick(words.MESSAGE_STATUSES)
    record: Row = {
        "_kp_MessageID": dice.filemaker_id(),
        "_kf_ContactID": scene.filemaker.link(contact) if contact else "",
        "_kf_EventID": scene.filemaker.link(event) if about_event else "",
        "MessageBody": text.replace(". ", ".\r"),
        "MessageStatus": status,
        "SendResult": "0" if status != "Failed" else "gateway error 21",
        "SentTimestamp": us_timestamp(_moment(scene, dice)) if status not in {"", "Queued"} else "",
        "RecipientPhoneMobile": typed,
        "RecipientPhoneMobileIntFormat": international if dice.chance(0.9) else "",
        "SenderPhoneMobile": SENDER,
        "_kf_GatewayMessageID": dice.token()[:16],
        "zz_Serial#": number,
    }
    scene.ledger.remember(text, international)
    scene.filemaker.add("API_Messages", record, *([kind] if kind != "linked" else []))
    scene.truth.messages[str(record["_kp_MessageID"])] = {
        "patient": patient.key if kind == "linked" else None,
        "event": event if about_event else None,
    }


def _moment(scene: Scene, dice: Dice) -> datetime:
    return dice.moment(scene.today - timedelta(days=3 * 365), scene.today - timedelta(days=1))
