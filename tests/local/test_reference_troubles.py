"""The troubles of the reference clinic are in the records that its truth names, and in no others."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from local.clinic import REFERENCE_CLINIC, make_clinic
from tests.support.reference import ReferenceClinic


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> ReferenceClinic:
    directory: Path = tmp_path_factory.mktemp("reference")
    make_clinic(directory, REFERENCE_CLINIC, scale=0.05, seed=11, today=date(2026, 9, 1))
    return ReferenceClinic(directory)


LINKS = {
    "API_Contacts": ("id_Clinic",),
    "API_Contact_Details": ("id.key",),
    "API_event": ("idCal", "id_Contact", "id_Referrer"),
    "API_Clinics_Details": ("id_Contact", "id_Clinic"),
    "API_Docs": ("id_Contact",),
    "API_Images": ("id_Contact",),
    "API_Notes": ("id_Key",),
    "@Letters": ("id.key",),
    "API_Messages": ("_kf_ContactID", "_kf_EventID"),
    "API_Replies": ("_kf_ContactID",),
    "API_Referrer": ("id_Clinic",),
    "API_ContactToReferrer": ("id_Contact", "id_Perscriber"),
    "API_ReferrerToCompany_Join": ("id_Referrer", "id_Company"),
}


def test_ids_in_another_case_are_where_the_truth_says(clinic: ReferenceClinic) -> None:
    for layout in clinic.layouts.keys() - {"API_event_calendar"}:
        found = {
            record_id
            for record_id, fields in clinic.records(layout).items()
            if any(fields[name] != fields[name].upper() for name in LINKS.get(layout, ()))
        }
        assert found == set(clinic.truth["troubles"].get(layout, {}).get("id_in_other_case", [])), layout


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%m/%d/%Y")
    except ValueError:
        return not text
    return True


def test_troubles_are_in_the_records_that_the_truth_names(clinic: ReferenceClinic) -> None:
    everybody = set(clinic.truth["patients"]) | set(clinic.truth["referrers"]) | set(clinic.truth["companies"])
    calendars = {key for key, name in clinic.truth["calendar_clinics"].items() if name is None}
    rules = {
        ("API_Contacts", "no_date_of_birth"): lambda f: not f["DOB"],
        ("API_Contacts", "title_outside_list"): lambda f: (
            f["title"] not in {"Mr", "Mrs", "Ms", "Miss", "Dr", "Prof", ""}
        ),
        ("API_Contact_Details", "email_in_number_field"): lambda f: "@" in str(f["ph"]),
        ("API_Contact_Details", "phone_without_its_zero"): lambda f: isinstance(f["ph"], int),
        ("API_Contact_Details", "owner_gone"): lambda f: f["id.key"].upper() not in everybody,
        ("API_Contact_Details", "no_value"): lambda f: f["ph"] == f["address 1"] == "",
        ("API_event", "no_patient"): lambda f: not f["id_Contact"],
        ("API_event", "calendar_no_clinic"): lambda f: f["id_Contact"] and f["idCal"].upper() in calendars,
        ("API_event", "midnight"): lambda f: f["startTime"] == "24:00:00",
        ("API_event", "no_time"): lambda f: f["id_Contact"] and not f["startTime"],
        ("API_event", "end_missing"): lambda f: f["id_Contact"] and not f["endTime"],
        ("API_event", "end_without_date"): lambda f: f["endTime"] and not f["endDate"],
        ("API_event", "block_to_midnight"): lambda f: f["endTime"] == "24:00:00",
        ("API_Notes", "empty_text"): lambda f: not f["Note"].strip(),
        ("API_Notes", "nul"): lambda f: "\x00" in f["Note"],
        ("API_Notes", "impossible_date"): lambda f: not _is_date(f["Date"]),
        ("API_Docs", "impossible_date"): lambda f: not _is_date(f["Date"]),
        ("API_Docs", "word_in_date_field"): lambda f: bool(f["Type"]),
        ("API_Docs", "empty_container"): lambda f: not f["Doc"],
        ("API_Images", "impossible_date"): lambda f: not _is_date(f["date"]),
        ("API_Images", "no_patient"): lambda f: not f["id_Contact"],
        ("API_Messages", "no_contact"): lambda f: not f["_kf_ContactID"],
        ("API_Messages", "contact_gone"): lambda f: f["_kf_ContactID"].upper() not in everybody | {""},
        ("API_Referrer", "one_name"): lambda f: not f["nameFirst"],
    }
    for (layout, kind), rule in rules.items():
        found = {record_id for record_id, fields in clinic.records(layout).items() if rule(fields)}
        assert found == set(clinic.truth["troubles"][layout][kind]) != set(), (layout, kind)
        assert clinic.truth["counts"]["troubles"][f"{layout}/{kind}"] == len(found)


def test_truth_is_json_that_names_only_ids(clinic: ReferenceClinic) -> None:
    text = json.dumps({name: part for name, part in clinic.truth.items() if name != "contact_values"})
    names = {row["last_name"] for row in clinic.rows("patients")}
    assert not [name for name in names if name in text]
