"""What the practice configured by hand in Nexus: clinics, clinicians, types, funding, integrations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from . import names
from .dice import Dice, zoned
from .ledger import Ledger, Row
from .practice import SEED_PRACTICE, Practice
from .sizes import Sizes

CONTENT_TYPES = (
    ("admin", "logentry"),
    ("auth", "user"),
    ("contenttypes", "contenttype"),
    ("clinicians", "clinic"),
    ("clinicians", "clinician"),
    ("appointments", "appointment"),
    ("patients", "patient"),
    ("documents", "document"),
    ("images", "imagebatch"),
    ("referrers", "referrer"),
    ("coordinators", "coordinator"),
    ("contacts", "generalcontact"),
    ("notes", "note"),
    ("letters", "patientletter"),
    ("reminders", "reminder"),
    ("appointments", "encounter"),
    ("sms_integration", "smsmessage"),
    ("referrers", "patientreferrer"),
    ("coordinators", "patientcoordinator"),
    ("xero_integration", "xerocontactlink"),
    ("xero_integration", "xeroquotelink"),
)
SMS_TEMPLATES = (
    (
        "Reminder 48 h",
        "appointment_reminder",
        "Hi {first_name}, you have an appointment on {date} at {time}.",
    ),
    ("Confirmation", "appointment_confirmation", "Thank you, your appointment on {date} is confirmed."),
    ("Order arrived", "general", "Hi {first_name}, your order has arrived at {clinic}."),
    ("Cancelled", "cancellation", "Your appointment on {date} was cancelled. Please call us."),
)


@dataclass
class Configuration:
    """Ids that other rows point at, by name where they have one."""

    clinics: dict[str, str] = field(default_factory=dict)
    clinicians: dict[str, str] = field(default_factory=dict)
    appointment_types: dict[str, str] = field(default_factory=dict)
    funding_sources: dict[str, str] = field(default_factory=dict)
    content_types: dict[str, int] = field(default_factory=dict)
    users: list[int] = field(default_factory=list)
    sms_templates: list[str] = field(default_factory=list)
    specialties: list[str] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    referrers: list[str] = field(default_factory=list)
    coordinators: list[str] = field(default_factory=list)
    general_contacts: list[str] = field(default_factory=list)
    email_templates: list[str] = field(default_factory=list)
    gmail_connection: str = ""
    xero_connection: str = ""


def configure(ledger: Ledger, sizes: Sizes, practice: Practice = SEED_PRACTICE) -> Configuration:
    """Add the practice's configuration to the ledger and return the ids it got."""
    dice = ledger.dice("configuration")
    configuration = Configuration()
    long_ago = ledger.opened - timedelta(days=100)
    _add_accounts(ledger, configuration, dice, long_ago)
    _add_clinics(ledger, configuration, dice, practice, long_ago)
    _add_lists(ledger, configuration, dice, practice, long_ago)
    _add_organisations(ledger, configuration, dice, sizes, long_ago)
    _add_people(ledger, configuration, dice, sizes, long_ago)
    _add_mail_and_sms(ledger, configuration, dice, long_ago)
    _add_xero(ledger, configuration, dice, long_ago)
    return configuration


def _add_accounts(ledger: Ledger, configuration: Configuration, dice: Dice, at: datetime) -> None:
    for number, full_name in enumerate(names.STAFF, start=1):
        account = names.account_of(full_name)
        first, last = full_name.split(" ", 1)
        user = {
            "id": number,
            "password": f"pbkdf2_sha256$600000${dice.token()[:22]}${dice.token()}=",
            "last_login": zoned(ledger.nexus_moment(dice)),
            "is_superuser": number == 1,
            "username": account,
            "first_name": first,
            "last_name": last,
            "email": f"{account}@clinic.example",
            "is_staff": True,
            "is_active": True,
            "date_joined": zoned(at),
        }
        ledger.add("auth_user", user)
        configuration.users.append(number)
    # The number of a content type differs from one database to the next: nothing may rely on it.
    numbers = dice.some(range(7, 60), len(CONTENT_TYPES))
    for number, (app_label, model) in zip(numbers, CONTENT_TYPES, strict=True):
        ledger.add("django_content_type", {"id": number, "app_label": app_label, "model": model})
        configuration.content_types[model] = number


def _add_clinics(ledger: Ledger, configuration: Configuration, dice: Dice, practice: Practice, at: datetime) -> None:
    for name, colour in practice.clinics:
        row = {
            "id": dice.uuid(),
            "name": name,
            "abn": dice.digits(11),
            "phone": f"02{dice.digits(8)}",
            "email": f"{name.lower().replace(' ', '.')}@clinic.example",
            "address_json": {"street": f"{dice.number(1, 300)} {dice.pick(names.STREETS)}", "state": "NSW"},
            "color": colour,
            "sms_reminder_template": "Reminder: {date} at {time}, {clinic}." if dice.chance(0.5) else None,
            "sms_reminders_enabled": True,
            "filemaker_id": dice.uuid(),
            **ledger.stamps(at),
        }
        configuration.clinics[name] = ledger.add("clinics", row)
    for number, full_name in enumerate(practice.clinicians, start=1):
        clinician = {
            "id": dice.uuid(),
            "clinic_id": dice.pick(list(configuration.clinics.values())),
            "full_name": full_name,
            "credential": "CPed CM Au",
            "email": f"{names.account_of(full_name)}@clinic.example",
            "phone": f"02{dice.digits(8)}",
            "role": "PEDORTHIST",
            "active": True,
            "user_id": number,
            "registration_number": f"PED{dice.digits(6)}",
            "professional_body_url": None,
            "signature_image": None,
            "signature_html": f"<p>{full_name}</p>",
            **ledger.stamps(at),
        }
        configuration.clinicians[full_name] = ledger.add("clinicians", clinician)


def _add_lists(ledger: Ledger, configuration: Configuration, dice: Dice, practice: Practice, at: datetime) -> None:
    for name, minutes in practice.appointment_types:
        kind = {"id": dice.uuid(), "name": name, "default_duration_minutes": minutes, "is_active": True}
        configuration.appointment_types[name] = ledger.add("appointment_types", kind | ledger.stamps(at))
    for order, (name, code) in enumerate(practice.funding_sources):
        source = {"id": dice.uuid(), "name": name, "code": code, "active": True, "order": order}
        configuration.funding_sources[name] = ledger.add("funding_sources", source | ledger.stamps(at))
    custom = {
        "id": dice.uuid(),
        "name": "Local Health District",
        "reference_number": dice.digits(8),
        "display_format": "{name} {reference_number}",
        "is_active": True,
        "notes": "",
        **ledger.stamps(at),
    }
    ledger.add("custom_funding_sources", custom)
    for name in practice.specialties:
        specialty: Row = {"id": dice.uuid(), "name": name, "created_at": zoned(at)}
        configuration.specialties.append(ledger.add("specialties", specialty))
    settings = {
        "id": 1,
        "sender_name": "The Clinic",
        "reply_to": "office@clinic.example",
        "signature_html": "<p>The Clinic</p>",
        "updated_at": zoned(at),
    }
    ledger.add("invoices_emailglobalsettings", settings)


def _add_organisations(ledger: Ledger, configuration: Configuration, dice: Dice, sizes: Sizes, at: datetime) -> None:
    for number in range(sizes.companies):
        kind, company_type = dice.pick(names.COMPANY_KINDS)
        company = {
            "id": dice.uuid(),
            "name": f"{dice.pick(names.COMPANY_WORDS)} {kind} {number + 1}",
            "abn": dice.digits(11),
            "contact_json": {"phones": [{"type": "Phone", "number": f"02{dice.digits(8)}", "label": ""}]},
            "address_json": {"suburb": dice.pick(names.SUBURBS)[0], "state": "NSW"},
            "company_type": company_type,
            "filemaker_id": dice.uuid() if dice.chance(0.7) else None,
            **ledger.stamps(at),
        }
        configuration.companies.append(ledger.add("companies", company))
    for _ in range(sizes.referrers):
        referrer = {
            "id": dice.uuid(),
            "title": "Dr",
            **_person(dice),
            "specialty_id": dice.pick(configuration.specialties),
            **_contact(dice),
            "practice_name": f"{dice.pick(names.COMPANY_WORDS)} Family Practice",
            "company_id": dice.pick(configuration.companies) if dice.chance(0.6) else None,
            "notes": None,
            "filemaker_id": dice.uuid() if dice.chance(0.8) else None,
            **ledger.stamps(at),
        }
        configuration.referrers.append(ledger.add("referrers", referrer))
    for referrer_id in configuration.referrers[::2]:
        membership = {
            "id": dice.uuid(),
            "referrer_id": referrer_id,
            "company_id": dice.pick(configuration.companies),
            "position": None,
            "is_primary": True,
            "filemaker_id": None,
            **ledger.stamps(at),
        }
        ledger.add("referrer_companies", membership)


def _add_people(ledger: Ledger, configuration: Configuration, dice: Dice, sizes: Sizes, at: datetime) -> None:
    for _ in range(sizes.coordinators):
        coordinator = {
            "id": dice.uuid(),
            **_person(dice),
            "organization": f"{dice.pick(names.COMPANY_WORDS)} Support Services",
            "coordinator_type": dice.pick(("SUPPORT_COORDINATOR", "LAC", "PLAN_MANAGER")),
            **_contact(dice),
            **ledger.stamps(at),
        }
        configuration.coordinators.append(ledger.add("coordinators", coordinator))
    for _ in range(sizes.general_contacts):
        contact = {
            "id": dice.uuid(),
            **_person(dice),
            "contact_type": dice.pick(("CARER", "FAMILY", "EMERGENCY_CONTACT", "SUPPLIER")),
            **_contact(dice),
            "notes": None,
            **ledger.stamps(at),
        }
        configuration.general_contacts.append(ledger.add("general_contacts", contact))


def _person(dice: Dice) -> dict[str, object]:
    first_names = dice.pick((names.FEMALE_FIRST_NAMES, names.MALE_FIRST_NAMES))
    return {"first_name": dice.pick(first_names), "last_name": dice.pick(names.OTHER_LAST_NAMES)}


def _contact(dice: Dice) -> dict[str, object]:
    phones = [{"type": "Phone", "number": f"02{dice.digits(8)}", "label": "Work"}]
    return {"contact_json": {"phones": phones}, "address_json": {"suburb": dice.pick(names.SUBURBS)[0]}}


def _add_mail_and_sms(ledger: Ledger, configuration: Configuration, dice: Dice, at: datetime) -> None:
    for name, category, text in SMS_TEMPLATES:
        template = {
            "id": dice.uuid(),
            "name": name,
            "description": "",
            "category": category,
            "clinic_id": None,
            "message_template": text,
            "is_active": True,
            "character_count": len(text),
            "sms_segment_count": 1,
            **ledger.stamps(at),
            "created_by": names.ACCOUNTS[-1],
        }
        configuration.sms_templates.append(ledger.add("sms_templates", template))
    gmail = {
        "id": dice.uuid(),
        "email_address": "office@clinic.example",
        "display_name": "The Clinic",
        "access_token": dice.token(),
        "refresh_token": dice.token(),
        "token_expires_at": zoned(ledger.nexus_moment(dice)),
        "is_active": True,
        "is_primary": True,
        **ledger.stamps(at),
    }
    configuration.gmail_connection = ledger.add("gmail_connections", gmail)
    for name in ("Quote", "Invoice", "Report"):
        template = {
            "id": dice.uuid(),
            "name": name,
            "subject": f"Your {name.lower()} from the clinic",
            "body": "Please find it attached.",
            "is_active": True,
            **ledger.stamps(at),
        }
        configuration.email_templates.append(ledger.add("email_templates", template))


def _add_xero(ledger: Ledger, configuration: Configuration, dice: Dice, at: datetime) -> None:
    connection = {
        "id": dice.uuid(),
        "tenant_id": dice.uuid(),
        "tenant_name": "The Clinic Pty Ltd",
        "access_token": dice.token(),
        "refresh_token": dice.token(),
        "token_expires_at": zoned(ledger.nexus_moment(dice)),
        "is_active": True,
        "connected_at": zoned(at),
        **ledger.stamps(at),
    }
    configuration.xero_connection = ledger.add("xero_connections", connection)
    for name, clinic_id in configuration.clinics.items():
        category = {
            "id": dice.uuid(),
            "clinic_id": clinic_id,
            "tracking_category_id": dice.uuid(),
            "tracking_option_id": dice.uuid(),
            "category_name": "Clinic",
            "option_name": name,
            "is_active": True,
            **ledger.stamps(at),
        }
        ledger.add("xero_tracking_categories", category)
    for name, type_id in configuration.appointment_types.items():
        item = {
            "id": dice.uuid(),
            "item_code": name.upper().replace(" ", "-"),
            "description": name,
            "unit_price": f"{dice.number(60, 480)}.00",
            "account_code": "200",
            "appointment_type_id": type_id,
            "is_active": True,
            **ledger.stamps(at),
        }
        ledger.add("xero_item_mappings", item)
