"""Rows that exist only in Nexus and belong to patients: what staff wrote, sent and were told."""

from __future__ import annotations

from datetime import timedelta

from . import names, texts
from .configuration import Configuration
from .dice import zoned
from .ledger import Ledger, Row
from .sizes import Sizes
from .source import Patient


def add_belongings(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    """Add everything about patients that no FileMaker record explains, accounting excepted."""
    _add_writing(ledger, sizes)
    _add_reminders(ledger, configuration, sizes)
    _add_messages(ledger, configuration, sizes)
    _add_encounters(ledger, configuration, sizes)
    _add_referrers_and_coordinators(ledger, configuration, sizes)
    _add_relationships(ledger, configuration, sizes)
    _add_sent_emails(ledger, configuration, sizes)
    _add_admin_log(ledger, configuration, sizes)


def _add_writing(ledger: Ledger, sizes: Sizes) -> None:
    dice = ledger.dice("nexus writing")
    for _ in range(sizes.nexus_notes):
        patient = dice.pick(ledger.source.established)
        written = ledger.nexus_moment(dice)
        text = texts.phone_note(dice)
        ledger.remember(text)
        note: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "note_type": dice.pick(("clinical_notes", "admin_notes", "order_notes", "workshop_note")),
            "content": text,
            **ledger.stamps(written),
            "created_by": dice.pick(names.ACCOUNTS),
        }
        ledger.add_nexus_made("notes", note, patient)
    for _ in range(sizes.nexus_letters):
        patient = dice.pick(ledger.source.established)
        body = texts.letter_body(dice)
        ledger.remember(texts.first_line(body))
        letter: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "letter_type": dice.pick(names.LETTER_TYPES),
            "recipient_name": f"Dr {dice.pick(names.OTHER_LAST_NAMES)}",
            "subject": f"Report: {patient.first_name} {patient.last_name}",
            "pages": [body, f"Kind regards, {dice.pick(names.CLINICIANS)}"],
            **ledger.stamps(ledger.nexus_moment(dice)),
        }
        ledger.add_nexus_made("letters_patientletter", letter, patient)


def _add_reminders(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("nexus reminders")
    appointments = list(ledger.live_appointments())
    for _ in range(sizes.nexus_reminders):
        key, appointment_id, patient = dice.pick(appointments)
        if dice.chance(0.6):
            patient, key, appointment_id = dice.pick(ledger.source.established), "", ""
        text = texts.reminder_text(dice)
        ledger.remember(text)
        reminder: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "clinic_id": configuration.clinics.get(patient.clinic),
            "note": text,
            "reminder_date": dice.day(ledger.today - timedelta(days=90), ledger.today + timedelta(days=90)),
            "status": dice.pick(("pending", "pending", "scheduled", "completed")),
            "appointment_id": appointment_id or None,
            **ledger.stamps(ledger.nexus_moment(dice)),
            "scheduled_at": None,
            "created_by": dice.pick(names.ACCOUNTS),
        }
        ledger.add_nexus_made("reminders", reminder, patient, key or None)


def _add_messages(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("messages")
    appointments = list(ledger.live_appointments())
    for _ in range(sizes.sms_messages):
        key, appointment_id, patient = dice.pick(appointments)
        about_appointment = dice.chance(0.7)
        sent = ledger.nexus_moment(dice)
        text, number = texts.sms_text(dice), f"+614{dice.digits(8)}"
        ledger.remember(text, number)
        message: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "appointment_id": appointment_id if about_appointment else None,
            "template_id": dice.pick(configuration.sms_templates) if dice.chance(0.8) else None,
            "phone_number": number,
            "message": text,
            "status": dice.pick(("delivered", "delivered", "sent", "failed")),
            "external_message_id": dice.token(),
            "created_at": zoned(sent),
            "scheduled_at": None,
            "sent_at": zoned(sent + timedelta(seconds=4)),
            "delivered_at": zoned(sent + timedelta(seconds=9)),
            "error_message": "",
            "retry_count": 0,
            "sms_count": 1,
            "cost": "0.0790",
            "notes": "",
        }
        ledger.add_nexus_made("sms_messages", message, patient, key if about_appointment else None)
    for _ in range(sizes.sms_inbound):
        sender = dice.pick(ledger.source.established) if dice.chance(0.95) else None
        text, number = f"Yes, {texts.sms_text(dice)[3:]}", f"+614{dice.digits(8)}"
        ledger.remember(text, number)
        reply: Row = {
            "id": dice.uuid(),
            "from_number": number,
            "to_number": "+61480000000",
            "message": text,
            "external_message_id": dice.token(),
            "received_at": zoned(ledger.nexus_moment(dice)),
            "patient_id": ledger.patient_id(sender) if sender else None,
            "is_processed": dice.chance(0.9),
            "processed_at": None,
            "processed_by": "",
            "notes": "",
        }
        ledger.add_nexus_made("sms_inbound", reply, sender)


def _add_encounters(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("encounters")
    clinicians = list(configuration.clinicians.values())
    for key, appointment_id, patient in dice.some(list(ledger.live_appointments()), sizes.encounters):
        start = ledger.nexus_moment(dice)
        summary = texts.clinical_sentence(dice)
        ledger.remember(summary)
        linked = dice.chance(0.9)
        encounter: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "clinician_id": dice.pick(clinicians),
            "appointment_id": appointment_id if linked else None,
            "start_time": zoned(start),
            "end_time": zoned(start + timedelta(minutes=40)),
            "type": dice.pick(("ASSESSMENT", "FITTING", "REVIEW", "FOLLOW_UP")),
            "reason": None,
            "summary": summary,
            **ledger.stamps(start),
        }
        ledger.add_nexus_made("encounters", encounter, patient, key if linked else None)


def _add_referrers_and_coordinators(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("referrals")
    pairs = {(row["patient_id"], row["referrer_id"]) for row in ledger.tables["patient_referrers"]}
    wanted = len(pairs) + sizes.patient_referrers
    while len(pairs) < wanted:
        patient, referrer_id = dice.pick(ledger.source.established), dice.pick(configuration.referrers)
        if (ledger.patient_id(patient), referrer_id) in pairs:
            continue
        pairs.add((ledger.patient_id(patient), referrer_id))
        link: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "referrer_id": referrer_id,
            "referral_date": dice.day(ledger.opened.date(), ledger.today),
            "referral_reason": dice.pick(texts.FINDINGS) if dice.chance(0.3) else None,
            "status": dice.pick(("ACTIVE", "ACTIVE", "INACTIVE")),
            "is_primary": dice.chance(0.6),
            "filemaker_id": None,
            **ledger.stamps(ledger.nexus_moment(dice)),
        }
        ledger.add_nexus_made("patient_referrers", link, patient)
    for _ in range(sizes.patient_coordinators):
        patient = dice.pick(ledger.source.established)
        assignment: Row = {
            "id": dice.uuid(),
            "patient_id": ledger.patient_id(patient),
            "coordinator_id": dice.pick(configuration.coordinators),
            "assignment_date": dice.day(ledger.opened.date(), ledger.today),
            "end_date": None,
            "is_current": True,
            "ndis_plan_start": patient.plan_start,
            "ndis_plan_end": patient.plan_end,
            "ndis_notes": None,
            **ledger.stamps(ledger.nexus_moment(dice)),
        }
        ledger.add_nexus_made("patient_coordinators", assignment, patient)


def _add_relationships(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    """Tie patients to relatives who are patients too, and to other contacts."""
    dice = ledger.dice("relationships")
    of_patient = configuration.content_types["patient"]
    for _ in range(sizes.contact_relationships):
        patient = dice.pick(ledger.source.established)
        relative: Patient | None = None
        to_type, to_id = (
            configuration.content_types["generalcontact"],
            dice.pick(configuration.general_contacts),
        )
        if dice.chance(0.6):
            relative = dice.other(ledger.source.established, patient)
            to_type, to_id = of_patient, ledger.patient_id(relative)
        relationship: Row = {
            "id": dice.uuid(),
            "from_content_type_id": of_patient,
            "from_object_id": ledger.patient_id(patient),
            "to_content_type_id": to_type,
            "to_object_id": to_id,
            "relationship_type": dice.pick(("CARER", "PARENT", "SPOUSE", "CHILD", "SIBLING")),
            "notes": None,
            "is_active": True,
            **ledger.stamps(ledger.nexus_moment(dice)),
        }
        row_id = ledger.add_nexus_made("contact_relationships", relationship, patient)
        if relative is not None:
            ledger.truth.related_patients[row_id] = relative.key


def _add_sent_emails(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("sent emails")
    appointments = list(ledger.live_appointments())
    for _ in range(sizes.sent_emails):
        key, appointment_id, patient = dice.pick(appointments)
        about_appointment = dice.chance(0.3)
        email: Row = {
            "id": dice.uuid(),
            "connection_id": configuration.gmail_connection,
            "to_addresses": f"reader.{dice.digits(6)}@mail.example",
            "cc_addresses": "",
            "bcc_addresses": "",
            "subject": f"Report for {patient.first_name} {patient.last_name}",
            "body_preview": "Please find it attached.",
            "has_attachments": True,
            "attachment_names": "report.pdf",
            "template_id": dice.pick(configuration.email_templates),
            "status": "sent",
            "error_message": "",
            "gmail_message_id": dice.token()[:16],
            "gmail_thread_id": dice.token()[:16],
            "related_patient_id": ledger.patient_id(patient),
            "related_appointment_id": appointment_id if about_appointment else "",
            "related_report_type": "report",
            "sent_at": zoned(ledger.nexus_moment(dice)),
            "sent_by": dice.pick(names.ACCOUNTS),
        }
        ledger.add_nexus_made("sent_emails", email, patient, key if about_appointment else None)


def _add_admin_log(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    dice = ledger.dice("admin log")
    for number in range(1, sizes.admin_log_entries + 1):
        patient = dice.pick(ledger.source.established)
        entry: Row = {
            "id": number,
            "action_time": zoned(ledger.nexus_moment(dice)),
            "object_id": ledger.patient_id(patient),
            "object_repr": f"{patient.first_name} {patient.last_name}",
            "action_flag": 2,
            "change_message": '[{"changed": {"fields": ["Archived"]}}]',
            "content_type_id": configuration.content_types["patient"],
            "user_id": dice.pick(configuration.users),
        }
        ledger.add_nexus_made("django_admin_log", entry, patient)
