"""Live rows on disk: one CSV file per table, as PostgreSQL's COPY reads it (NULL bare, empty text quoted)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .ledger import Row

# Configuration first; the foreign keys are deferred, so the order matters only to a reader.
TABLES = (
    "auth_user",
    "django_content_type",
    "clinics",
    "clinicians",
    "appointment_types",
    "funding_sources",
    "custom_funding_sources",
    "invoices_emailglobalsettings",
    "specialties",
    "companies",
    "referrers",
    "referrer_companies",
    "coordinators",
    "general_contacts",
    "sms_templates",
    "gmail_connections",
    "email_templates",
    "xero_connections",
    "xero_tracking_categories",
    "xero_item_mappings",
    "patients",
    "appointments",
    "notes",
    "letters_patientletter",
    "reminders",
    "sms_messages",
    "sms_inbound",
    "encounters",
    "patient_referrers",
    "patient_coordinators",
    "contact_relationships",
    "documents_document",
    "images_batch",
    "images_image",
    "xero_contact_links",
    "xero_invoice_links",
    "xero_quote_links",
    "xero_batch_payments",
    "xero_payments",
    "xero_sync_logs",
    "sent_emails",
    "django_admin_log",
)
_to_json = json.JSONEncoder(ensure_ascii=False).encode
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^$|^\\\.$')


def write_tables(directory: Path, tables: dict[str, list[Row]]) -> dict[str, int]:
    """Write `NNN_<table>.csv` for each table into `directory`; return the row counts by table.

    Raises ValueError when a table is not in `TABLES` or its rows differ in their columns.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if unknown := sorted(set(tables) - set(TABLES)):
        raise ValueError(f"tables without a place in the order of loading: {', '.join(unknown)}")
    for stale in directory.glob("*.csv"):
        stale.unlink()
    counts = {}
    for number, table in enumerate(TABLES, start=1):
        rows = tables.get(table, [])
        counts[table] = len(rows)
        if rows:
            path = directory / f"{number:03d}_{table}.csv"
            path.write_text(_as_csv(table, rows), encoding="utf-8", newline="")
    return counts


def table_of(path: Path) -> str:
    """Return the table that a file written by `write_tables` belongs to."""
    return path.stem.partition("_")[2]


def _as_csv(table: str, rows: list[Row]) -> str:
    columns = list(rows[0])
    lines = [",".join(columns)]
    for row in rows:
        if list(row) != columns:
            raise ValueError(f"rows of {table} differ in their columns: {columns} and {list(row)}")
        lines.append(",".join(map(_cell, row.values())))
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        return "t" if value else "f"
    else:
        text = _to_json(value) if isinstance(value, dict | list) else str(value)
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text
