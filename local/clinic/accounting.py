"""Rows that tie patients to Xero: contacts, invoices, quotes, payments and the log of their exchange."""

from __future__ import annotations

from datetime import timedelta

from .configuration import Configuration
from .dice import Dice, zoned
from .ledger import Ledger, Row
from .sizes import Sizes
from .source import Patient


def add_accounting(ledger: Ledger, configuration: Configuration, sizes: Sizes) -> None:
    """Add the accounting side of the practice, all of it made in Nexus."""
    dice = ledger.dice("accounting")
    _add_contacts(ledger, configuration, dice, sizes)
    invoices = _add_invoices(ledger, configuration, dice, sizes)
    _add_quotes(ledger, dice, sizes, invoices)
    _add_payments(ledger, dice, sizes, invoices)
    _add_sync_log(ledger, dice, sizes)


def _add_contacts(ledger: Ledger, configuration: Configuration, dice: Dice, sizes: Sizes) -> None:
    patients = dice.some(ledger.source.established, sizes.xero_contact_links)
    owners: list[tuple[Patient | None, str | None]] = [(patient, None) for patient in patients]
    owners += [(None, company_id) for company_id in configuration.companies[::3]]
    for patient, company_id in owners:
        link: Row = {
            "id": dice.uuid(),
            "connection_id": configuration.xero_connection,
            "patient_id": ledger.patient_id(patient) if patient else None,
            "company_id": company_id,
            "xero_contact_id": dice.uuid(),
            "xero_contact_number": f"C{dice.digits(6)}",
            "xero_contact_name": f"{patient.first_name} {patient.last_name}" if patient else "Company",
            "is_active": True,
            "last_synced_at": zoned(ledger.nexus_moment(dice)),
            **ledger.stamps(ledger.nexus_moment(dice)),
        }
        ledger.add_nexus_made("xero_contact_links", link, patient)


def _amounts(dice: Dice, *, paid: bool | None = None) -> Row:
    subtotal = dice.number(60, 1_900)
    amounts: Row = {"total": f"{subtotal}.00", "subtotal": f"{subtotal}.00", "total_tax": "0.00"}
    if paid is None:
        return amounts
    due, done = (0, subtotal) if paid else (subtotal, 0)
    return amounts | {"amount_due": f"{due}.00", "amount_paid": f"{done}.00"}


def _add_invoices(ledger: Ledger, configuration: Configuration, dice: Dice, sizes: Sizes) -> list[str]:
    invoices = []
    clinicians = list(configuration.clinicians.values())
    appointments = list(ledger.live_appointments())
    for number in range(sizes.xero_invoice_links):
        key, appointment_id, patient = dice.pick(appointments)
        about_appointment = dice.chance(0.7)
        paid = dice.chance(0.6)
        made = ledger.nexus_moment(dice)
        invoice: Row = {
            "id": dice.uuid(),
            "appointment_id": appointment_id if about_appointment else None,
            "patient_id": ledger.patient_id(patient),
            "company_id": dice.pick(configuration.companies) if dice.chance(0.1) else None,
            "clinician_id": dice.pick(clinicians),
            "xero_invoice_id": dice.uuid(),
            "xero_invoice_number": f"INV-{number + 1:05d}",
            "xero_invoice_type": "ACCREC",
            "status": "PAID" if paid else "AUTHORISED",
            **_amounts(dice, paid=paid),
            "currency": "AUD",
            "invoice_date": made.date(),
            "due_date": made.date() + timedelta(days=14),
            "fully_paid_on_date": made.date() if paid else None,
            "last_synced_at": zoned(made),
            **ledger.stamps(made),
        }
        about = key if about_appointment else None
        invoices.append(ledger.add_nexus_made("xero_invoice_links", invoice, patient, about))
    return invoices


def _add_quotes(ledger: Ledger, dice: Dice, sizes: Sizes, invoices: list[str]) -> None:
    appointments = list(ledger.live_appointments())
    for number in range(sizes.xero_quote_links):
        key, appointment_id, patient = dice.pick(appointments)
        about_appointment = dice.chance(0.7)
        converted = dice.chance(0.4)
        made = ledger.nexus_moment(dice)
        quote: Row = {
            "id": dice.uuid(),
            "appointment_id": appointment_id if about_appointment else None,
            "patient_id": ledger.patient_id(patient),
            "company_id": None,
            "xero_quote_id": dice.uuid(),
            "xero_quote_number": f"QU-{number + 1:05d}",
            "status": "INVOICED" if converted else "SENT",
            **_amounts(dice),
            "currency": "AUD",
            "quote_date": made.date(),
            "expiry_date": made.date() + timedelta(days=30),
            "converted_invoice_id": dice.pick(invoices) if converted else None,
            "converted_at": zoned(made) if converted else None,
            "last_synced_at": zoned(made),
            **ledger.stamps(made),
        }
        ledger.add_nexus_made("xero_quote_links", quote, patient, key if about_appointment else None)


def _add_payments(ledger: Ledger, dice: Dice, sizes: Sizes, invoices: list[str]) -> None:
    made = ledger.nexus_moment(dice)
    batch: Row = {
        "id": dice.uuid(),
        "reference": "Remittance 1",
        "xero_batch_payment_id": dice.uuid(),
        "payment_date": made.date(),
        "total": "8400.00",
        **ledger.stamps(made),
    }
    batch_id = ledger.add("xero_batch_payments", batch)
    for invoice_id in dice.some(invoices, sizes.xero_payments):
        payment: Row = {
            "id": dice.uuid(),
            "invoice_link_id": invoice_id,
            "batch_payment_id": batch_id if dice.chance(0.2) else None,
            "xero_payment_id": dice.uuid(),
            "amount": f"{dice.number(60, 900)}.00",
            "payment_date": made.date(),
            "reference": "",
            **ledger.stamps(made),
        }
        ledger.add("xero_payments", payment)


def _add_sync_log(ledger: Ledger, dice: Dice, sizes: Sizes) -> None:
    for _ in range(sizes.xero_sync_logs):
        patient = dice.pick(ledger.source.established)
        entry: Row = {
            "id": dice.uuid(),
            "operation_type": dice.pick(("contact_create", "contact_update")),
            "status": dice.pick(("success", "success", "failed")),
            "request_data": {"Name": f"{patient.first_name} {patient.last_name}"},
            "response_data": None,
            "error_message": "",
            "local_entity_type": "patient",
            "local_entity_id": ledger.patient_id(patient),
            "xero_entity_id": dice.uuid(),
            "duration_ms": dice.number(80, 2_400),
            "created_at": zoned(ledger.nexus_moment(dice)),
        }
        ledger.add_nexus_made("xero_sync_logs", entry, patient)
