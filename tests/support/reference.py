"""The reference clinic as its files hold it, and its recorded counts measured in them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Fields = dict[str, Any]

RECORDED = {
    "contacts": 2_845,
    "contacts without any name": 3,
    "contacts with a funding": 0,
    "contact details": 10_690,
    "events": 15_149,
    "events without a contact": 5_312,
    "events of patients on a calendar that is no clinic": 1_492,
    "notes": 11_408,
    "notes without text": 193,
    "documents of FileMaker": 11_274,
    "images of FileMaker": 6_664,
    "messages": 5_352,
    "referrers": 234,
    "referrer links": 1_720,
    "companies": 92,
    "company joins": 73,
    "patients": 2_842,
    "patients with a date of birth": 2_433,
    "patients without clinic": 86,
    "patients with funding": 0,
    "patients with lists of contacts": 2_729,
    "phones": 3_647,
    "e-mails": 352,
    "addresses": 2_584,
    "titles outside the list": 2_837,
    "appointments": 9_837,
    "appointments with an event id": 0,
    "appointments without clinic": 32,
    "appointments without clinician": 1_496,
    "notes without a row": 198,
    "imported documents": 10_190,
    "imported documents without a link": 42,
    "imported images": 6_574,
    "imported images with a FileMaker id": 0,
    "imported batches": 1_661,
    "patients with imported batches": 1_303,
}
"""What was recorded of the installation, at its full size."""


class ReferenceClinic:
    """A reference clinic on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.truth: dict[str, Any] = json.loads((directory / "truth.json").read_text())

    @cached_property
    def layouts(self) -> dict[str, Fields]:
        """FileMaker's layouts as they are described on disk, by name."""
        paths = [path for path in (self.directory / "filemaker").glob("*.json") if path.name != "database.json"]
        return {unquote(path.stem): json.loads(path.read_text()) for path in paths}

    def records(self, layout: str) -> dict[str, Fields]:
        """Return the fields of a layout's records, by record id."""
        return {record["recordId"]: record["fieldData"] for record in self.layouts[layout]["records"]}

    def rows(self, table: str) -> list[dict[str, str]]:
        """Return the live rows of a table as COPY reads them; NULL and empty text both as empty text."""
        [path] = (self.directory / "nexus").glob(f"[0-9][0-9][0-9]_{table}.csv")
        with path.open(newline="") as lines:
            return list(csv.DictReader(lines))

    def clinics_by_key(self) -> dict[str, str]:
        """Return the names of the clinics by their FileMaker id."""
        return {fields["id"]: fields["Name"] for fields in self.records("API_Clinic_Name").values()}


def measure(clinic: ReferenceClinic) -> dict[str, int]:
    """Count in the files what was recorded of the installation."""
    return {**_measure_filemaker(clinic), **_measure_patients(clinic), **_measure_rest(clinic)}


def _measure_filemaker(clinic: ReferenceClinic) -> dict[str, int]:
    contacts, events = clinic.records("API_Contacts").values(), clinic.records("API_event").values()
    clinics = clinic.clinics_by_key()
    of_patients = [event for event in events if event["id_Contact"]]
    return {
        "contacts": len(contacts),
        "contacts without any name": sum(not c["nameFirst"] and not c["nameLast"] for c in contacts),
        "contacts with a funding": sum(bool(c["Funding"]) for c in contacts),
        "contact details": len(clinic.records("API_Contact_Details")),
        "events": len(events),
        "events without a contact": len(events) - len(of_patients),
        "events of patients on a calendar that is no clinic": sum(
            event["idCal"].upper() not in clinics for event in of_patients
        ),
        "notes": len(clinic.records("API_Notes")),
        "notes without text": sum(not note["Note"].strip() for note in clinic.records("API_Notes").values()),
        "documents of FileMaker": len(clinic.records("API_Docs")),
        "images of FileMaker": len(clinic.records("API_Images")),
        "messages": len(clinic.records("API_Messages")),
        "referrers": len(clinic.records("API_Referrer")),
        "referrer links": len(clinic.records("API_ContactToReferrer")),
        "companies": len(clinic.records("API_Company")),
        "company joins": len(clinic.records("API_ReferrerToCompany_Join")),
    }


def _measure_patients(clinic: ReferenceClinic) -> dict[str, int]:
    patients = clinic.rows("patients")
    contacts = [json.loads(patient["contact_json"]) for patient in patients]
    addresses = [json.loads(patient["address_json"]) for patient in patients]
    titles = Counter(patient["title"] in {"Mr", "Mrs", "Ms", "Miss", "Dr", "Prof"} for patient in patients)
    return {
        "patients": len(patients),
        "patients with a date of birth": sum(bool(patient["dob"]) for patient in patients),
        "patients without clinic": sum(not patient["clinic_id"] for patient in patients),
        "patients with funding": sum(bool(patient["funding_type_id"]) for patient in patients),
        "patients with lists of contacts": sum("phones" in contact for contact in contacts),
        "phones": sum(len(contact.get("phones", [])) for contact in contacts),
        "e-mails": sum(len(contact.get("emails", [])) for contact in contacts),
        "addresses": sum(len(address.get("addresses", [])) for address in addresses),
        "titles outside the list": titles[False],
    }


def _measure_rest(clinic: ReferenceClinic) -> dict[str, int]:
    appointments = clinic.rows("appointments")
    documents = [row for row in clinic.rows("documents_document") if row["filemaker_id"]]
    images = [row for row in clinic.rows("images_image") if row["s3_key"].startswith("filemaker-import/")]
    batches = [row for row in clinic.rows("images_batch") if row["name"].endswith("(FileMaker Import)")]
    owners = {clinic.truth["batches"][row["id"]] for row in batches}
    return {
        "appointments": len(appointments),
        "appointments with an event id": sum(bool(row["filemaker_event_id"]) for row in appointments),
        "appointments without clinic": sum(not row["clinic_id"] for row in appointments),
        "appointments without clinician": sum(not row["clinician_id"] for row in appointments),
        "notes without a row": sum(note["nexus_id"] is None for note in clinic.truth["notes"].values()),
        "imported documents": len(documents),
        "imported documents without a link": sum(not row["object_id"] for row in documents),
        "imported images": len(images),
        "imported images with a FileMaker id": sum(bool(row["filemaker_id"]) for row in images),
        "imported batches": len(batches),
        "patients with imported batches": len(owners),
    }
