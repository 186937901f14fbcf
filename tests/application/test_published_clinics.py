"""What the application shows after an import is what FileMaker holds, by the clinic's truth: for both clinics."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from tests.application.conftest import PAGE_SIZE_RECORDS, Served
from tests.application.serving import Application

PATIENTS, CALENDAR = "/api/patients/", "/api/appointments/calendar_data/"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """The application after the run, and Nexus's ids of FileMaker's contacts that became patients."""

    served: Served
    nexus_ids: dict[str, str]

    @property
    def application(self) -> Application:
        """The application."""
        return self.served.application

    @property
    def patients(self) -> list[str]:
        """FileMaker's ids of those who become patients: both clinics leave out whom nobody gave a name."""
        return [key for key, row in self.contacts.items() if words(row["nameFirst"], row["nameLast"])]

    def records(self, *layouts: str) -> list[Fields]:
        """Return FileMaker's records of the one of these layouts that the clinic has."""
        folder = self.served.installation.parts.clinic / "filemaker"
        (path,) = [path for layout in layouts if (path := folder / f"{quote(layout)}.json").exists()]
        return [record["fieldData"] for record in json.loads(path.read_text())["records"]]

    @cached_property
    def contacts(self) -> dict[str, Fields]:
        """FileMaker's contacts by id."""
        return {record["id"].upper(): record for record in self.records("API_Contacts")}

    @property
    def truth(self) -> dict[str, Any]:
        """The truth about the clinic."""
        return self.served.installation.truth

    def all_of(self, **parameters: str) -> set[str]:
        """Return FileMaker's ids of the patients on a list, active and archived, without Nexus's own."""
        listed = {
            row
            for archived in ("false", "true")
            for row in self.application.ids(PATIENTS, archived=archived, **parameters)
        }
        return {key for key, row in self.nexus_ids.items() if row in listed}


@pytest.fixture(scope="module", params=["served_seed", "served_reference"])
def shown(request: pytest.FixtureRequest) -> Shown:
    """What is shown of each clinic."""
    served: Served = request.getfixturevalue(request.param)
    nexus_ids = dict(
        served.installation.rows(
            "SELECT upper(filemaker_metadata ->> 'filemaker_id'), id::text FROM patients"
            " WHERE filemaker_metadata ->> 'filemaker_id' <> ''"
        )
    )
    return Shown(served, nexus_ids)


def words(*texts: Any) -> str:
    """Return the texts as they are typed: without what FileMaker's own characters are."""
    return " ".join(" ".join(str(text or "").replace("\0", "") for text in texts).split())


def day(text: str) -> datetime | None:
    """Return the midnight that a day begins with as FileMaker writes it, None when it is empty or no day."""
    for form in ("%m/%d/%Y", "%Y-%m-%d"):
        with suppress(ValueError):
            return datetime.strptime(text, form)
    return None


def moment(date: str, time: str) -> datetime | None:
    """Return the moment that a day and a time of the clinic's clock mean, None without a day."""
    begins = day(date)
    if begins is None:
        return None
    hours, minutes, seconds = (int(part) for part in (time or "0:0:0").split(":"))
    wall = begins + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return wall.replace(tzinfo=ZoneInfo("Australia/Sydney"))


def test_list_shows_every_patient_once_over_many_pages(shown: Shown) -> None:
    assert shown.all_of() == set(shown.patients)
    assert set(shown.patients) <= set(shown.truth["patients"])
    assert len(shown.patients) > PAGE_SIZE_RECORDS


def test_list_hides_the_archived(shown: Shown) -> None:
    archived = {row for (row,) in shown.served.installation.rows("SELECT id::text FROM patients WHERE archived")}
    assert shown.application.ids(PATIENTS, archived="true") == archived
    assert not archived & shown.application.ids(PATIENTS)


def test_every_patient_opens_with_filemakers_name(shown: Shown) -> None:
    for key in shown.patients:
        patient, contact = shown.application.get(f"{PATIENTS}{shown.nexus_ids[key]}/"), shown.contacts[key]
        assert words(patient["first_name"], patient["last_name"]) == words(contact["nameFirst"], contact["nameLast"])


def test_every_patient_opens_with_filemakers_birthday_and_number(shown: Shown) -> None:
    compared = 0
    for key in shown.patients:
        patient, contact = shown.application.get(f"{PATIENTS}{shown.nexus_ids[key]}/"), shown.contacts[key]
        assert words(patient["health_number"]) == words(contact["Health Number"]), key
        born = day(contact["DOB"])
        if born or not contact["DOB"]:  # what is no day is listed, and Nexus keeps what it has
            assert patient["dob"] == (born and born.date().isoformat()), key
        compared += born is not None
    assert compared > len(shown.patients) / 2


def test_search_finds_every_patient_by_parts_of_the_name_and_by_number(shown: Shown) -> None:
    for key in shown.patients:
        contact = shown.contacts[key]
        parts = " ".join(word[:4] for word in words(contact["nameFirst"], contact["nameLast"]).split())
        assert key in shown.all_of(search=parts)
        if number := words(contact["Health Number"]):
            assert key in shown.all_of(search=number)


def test_filter_by_clinic_lists_who_belongs_there(shown: Shown) -> None:
    clinics = dict(shown.served.installation.rows("SELECT lower(name), id::text FROM clinics"))
    truth = shown.truth.get("patient_clinics") or {key: row["clinic_name"] for key, row in shown.contacts.items()}
    expected = defaultdict(set)
    for key, name in truth.items():
        if key in shown.patients and words(name).lower() in clinics:
            expected[clinics[words(name).lower()]].add(key)
    assert len(expected) > 1
    known = set().union(*expected.values())
    assert {clinic: shown.all_of(clinic=clinic) & known for clinic in expected} == expected


def test_filter_by_funding_lists_who_has_it(shown: Shown) -> None:
    funding = dict(shown.served.installation.rows("SELECT lower(name), id::text FROM funding_sources"))
    expected: dict[str, set[str]] = {source: set() for source in funding.values()}
    known = set()
    for key in shown.patients:
        # the seed clinic's field, or the reference clinic's, in which nothing stands
        name = words(shown.contacts[key].get("funding_type", shown.contacts[key].get("Funding"))).lower()
        if name in funding:
            expected[funding[name]].add(key)
        if name in funding or not name:
            known.add(key)
    assert len(known) > 1
    assert {source: shown.all_of(funding_type=source) & known for source in expected} == expected


def test_each_patient_shows_his_documents_and_nobody_elses(shown: Shown) -> None:
    hidden = {
        row for (row,) in shown.served.installation.rows("SELECT id::text FROM documents_document WHERE NOT is_active")
    }
    truth = {row: key and key.upper() for row, key in shown.truth["documents"].items() if row not in hidden}
    for key in shown.patients:
        listed = shown.application.ids("/api/documents/", patient_id=shown.nexus_ids[key])
        assert listed & truth.keys() == {row for row, patient in truth.items() if patient == key}


def test_each_patient_shows_his_images_and_nobody_elses(shown: Shown) -> None:
    truth = {row: key and key.upper() for row, key in shown.truth["batches"].items()}
    batches = dict(shown.served.installation.rows("SELECT id::text, batch_id::text FROM images_image"))
    for key in shown.patients:
        listed = shown.application.ids("/api/images/batches/", patient_id=shown.nexus_ids[key])
        assert listed & truth.keys() == {row for row, patient in truth.items() if patient == key}
        images = shown.application.ids("/api/images/", patient_id=shown.nexus_ids[key])
        assert images == {image for image, batch in batches.items() if batch in listed}


def test_calendar_shows_every_event_of_filemaker(shown: Shown) -> None:
    events = dict(
        shown.served.installation.rows(
            "SELECT upper(filemaker_event_id::text), id::text FROM appointments WHERE filemaker_event_id IS NOT NULL"
        )
    )
    unreadable = {
        row[0]
        for row in shown.served.installation.rows(
            "SELECT upper(filemaker_id) FROM nexus_import.finding WHERE check_id = 'phase_4/appointment_count_matches'"
        )
    }
    calendar = {event["id"]: event for event in shown.application.get(CALENDAR)}
    records = {record["id"].upper(): record for record in shown.records("API_Appointments", "API_event")}
    with_end = 0
    for key in set(shown.truth["appointments"]) - unreadable:
        event, record = calendar[events[key]], records[key]
        start = moment(record["startDate"], record["startTime"])
        owner = record["patient_id"] if "patient_id" in record else record["id_Contact"]
        assert (start, event["patient"]) == (datetime.fromisoformat(event["start"]), shown.nexus_ids[owner.upper()])
        assert event["minutes"] >= 0
        end = moment(record["endDate"], record["endTime"]) if record["endTime"] else None
        if end and start and end >= start:
            assert datetime.fromisoformat(event["end"]) == end, key
            with_end += 1
    assert with_end > 10
