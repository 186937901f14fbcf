"""The reference clinic in PostgreSQL: it loads, its keys hold, and the truth it comes with is true."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from local.clinic import REFERENCE_CLINIC, create_schema, iter_objects, load_nexus, make_clinic
from local.postgres import PostgresCluster
from tests.support.reference import ReferenceClinic

PASSWORD = "owner-of-the-reference-clinic"
SYDNEY = ZoneInfo("Australia/Sydney")
METADATA_KEYS = {"filemaker_id", "clinic_name", "area", "contact_type", "cys_id", "diabetes", "id_clinic"}

Rows = list[dict[str, Any]]


@dataclass
class Loaded:
    """A loaded clinic: its files and a connection."""

    files: ReferenceClinic
    connection: psycopg.Connection[dict[str, Any]]

    @property
    def truth(self) -> dict[str, Any]:
        return self.files.truth

    def rows(self, table: str) -> Rows:
        statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        return self.connection.execute(statement).fetchall()

    def records(self, layout: str) -> Rows:
        return list(self.files.records(layout).values())

    def patients(self) -> dict[str, str]:
        """Return FileMaker's id of each live patient, by Nexus id."""
        return {nexus: key for key, nexus in self.truth["patients"].items() if nexus}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    directory = tmp_path_factory.mktemp("reference")
    make_clinic(directory, REFERENCE_CLINIC, scale=0.05, seed=11, today=date(2026, 9, 1))
    with PostgresCluster(tmp_path_factory.mktemp("cluster") / "data") as cluster:
        cluster.create_role("nexus", PASSWORD)
        cluster.create_database("nexus", "nexus")
        uri = cluster.uri("nexus", "nexus", PASSWORD)
        create_schema(uri)
        files = ReferenceClinic(directory)
        assert load_nexus(uri, directory) == files.truth["counts"]["nexus"]  # COMMIT checked every foreign key
        with psycopg.connect(uri, autocommit=True, row_factory=dict_row) as connection:
            yield Loaded(files, connection)


def test_every_constraint_is_valid_and_holds(clinic: Loaded) -> None:
    foreign_keys = clinic.connection.execute(
        "SELECT count(*) AS all_of_them, count(*) FILTER (WHERE convalidated) AS valid"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    ).fetchone()
    assert foreign_keys is not None
    assert foreign_keys["all_of_them"] == foreign_keys["valid"] > 50


def test_patients_are_known_by_their_upper_case_id_and_the_nameless_are_missing(clinic: Loaded) -> None:
    live = clinic.rows("patients")
    assert {str(row["id"]): row["filemaker_metadata"]["filemaker_id"] for row in live} == clinic.patients()
    missing = {key for key, nexus in clinic.truth["patients"].items() if nexus is None}
    contacts = clinic.records("API_Contacts")
    assert missing == {c["id"] for c in contacts if not c["nameFirst"] and not c["nameLast"]}
    assert missing
    keys = {frozenset(row["filemaker_metadata"]) - {"ndis"} for row in live}
    assert keys == {frozenset(METADATA_KEYS)}
    assert {"ndis" in row["filemaker_metadata"] for row in live} == {True, False}


def test_clinic_of_a_patient_is_what_id_and_folded_name_say(clinic: Loaded) -> None:
    by_key = clinic.files.clinics_by_key()
    by_name = {name.lower(): name for name in by_key.values()}
    names = {row["id"]: row["name"] for row in clinic.rows("clinics")}
    assert {str(row["filemaker_id"]).upper() for row in clinic.rows("clinics")} == set(by_key)
    live = {row["filemaker_metadata"]["filemaker_id"]: row for row in clinic.rows("patients")}
    resolved = defaultdict(set)
    kinds = clinic.truth["troubles"]["API_Contacts"]
    for record_id, contact in clinic.files.records("API_Contacts").items():
        named = by_name.get(contact["Clinic_Name"].strip(" .").lower())
        expected = by_key.get(contact["id_Clinic"].upper(), named)
        assert clinic.truth["patient_clinics"][contact["id"]] == expected
        for kind in ("clinic_spelled", "clinic_unknown", "clinic_missing"):
            if record_id in kinds[kind]:
                resolved[kind].add(expected is not None)
        if contact["id"] in live:  # the last import compared the exact name
            exact = contact["Clinic_Name"] if contact["Clinic_Name"] in by_name.values() else None
            assert names.get(live[contact["id"]]["clinic_id"]) == exact
    assert resolved == {"clinic_spelled": {True}, "clinic_unknown": {False}, "clinic_missing": {False}}


def test_dates_of_birth_are_filemakers_and_the_guessed_ones_are_named(clinic: Loaded) -> None:
    live = {row["filemaker_metadata"]["filemaker_id"]: row["dob"] for row in clinic.rows("patients")}
    guessed = set()
    for record_id, contact in clinic.files.records("API_Contacts").items():
        if contact["id"] not in live:
            continue
        born = live[contact["id"]]
        if born and contact["DOB"] != f"{born:%m/%d/%Y}":
            assert contact["DOB"] == f"{born:%d/%m/%Y}"
            guessed.add(record_id)
        assert bool(born) == bool(contact["DOB"])
    assert guessed == set(clinic.truth["troubles"]["API_Contacts"]["day_first_date"]) != set()


def test_contacts_of_a_patient_are_its_details(clinic: Loaded) -> None:
    details: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    kinds = {"Phone": "phones", "Mobile": "phones", "Email": "emails", "Address": "addresses"}
    for record in clinic.records("API_Contact_Details"):
        value = str(record["address 1" if record["type"] == "Address" else "ph"]).strip()
        if value:
            details[record["id.key"].upper()][kinds[record["type"]]].append(value)
    for row in clinic.rows("patients"):
        key = row["filemaker_metadata"]["filemaker_id"]
        contact, address = row["contact_json"], row["address_json"]
        stored = {
            "phones": [phone["number"] for phone in contact.get("phones", [])],
            "emails": [email["address"] for email in contact.get("emails", [])],
            "addresses": [each["line1"] for each in address.get("addresses", [])],
        }
        expected = {kind: details[key][kind] for kind in stored}
        assert stored == expected == clinic.truth["contact_values"].get(key, expected)
        assert address.get("street") == (stored["addresses"] or [None])[0]
    assert any("mobile" in row["contact_json"] for row in clinic.rows("patients"))


def local_start(event: dict[str, Any]) -> datetime:
    day = datetime.strptime(event["startDate"], "%m/%d/%Y")
    hours, minutes, seconds = (int(part) for part in (event["startTime"] or "00:00:00").split(":"))
    return (day + timedelta(hours=hours, minutes=minutes, seconds=seconds)).replace(tzinfo=SYDNEY)


def test_appointments_have_no_event_id_and_one_record_only_can_adopt_each(clinic: Loaded) -> None:
    live = {(str(row["patient_id"]), row["start_time"]): str(row["id"]) for row in clinic.rows("appointments")}
    assert all(row["filemaker_event_id"] is None for row in clinic.rows("appointments"))
    assert len(live) == len(clinic.truth["appointments"]) == len(clinic.rows("appointments"))
    adopted = {}
    for event in clinic.records("API_event"):
        if event["id_Contact"]:
            patient = clinic.truth["patients"][event["id_Contact"].upper()]
            nexus_id = live.get((patient, local_start(event).astimezone(UTC)))
            if nexus_id:
                adopted[event["id"]] = nexus_id
        else:
            assert event["id"] in clinic.truth["block_bookings"]
    assert sorted(adopted) == clinic.truth["adoptable_appointments"]
    assert adopted.items() <= clinic.truth["appointments"].items()
    assert len(adopted) < len(live)


def test_clinic_of_an_appointment_was_guessed_as_the_truth_says(clinic: Loaded) -> None:
    names = {row["id"]: row["name"] for row in clinic.rows("clinics")}
    of_patient = {row["id"]: names.get(row["clinic_id"]) for row in clinic.rows("patients")}
    live = {str(row["id"]): row for row in clinic.rows("appointments")}
    seen: Counter[str] = Counter()
    for event in clinic.records("API_event"):
        if not event["id_Contact"]:
            continue
        row = live[clinic.truth["appointments"][event["id"]]]
        has, calendar = names.get(row["clinic_id"]), clinic.truth["calendar_clinics"][event["idCal"].upper()]
        kind = clinic.truth["live_appointment_kinds"][event["id"]]
        seen[kind] += 1
        if kind == "no_clinic":
            assert (has, calendar, of_patient[row["patient_id"]]) == (None, None, None)
        elif kind == "set_by_staff":
            assert has == calendar
        else:
            assert has == of_patient[row["patient_id"]]
            truths = {"guessed_right": has, "guessed_unprovable": None}
            assert calendar == truths[kind] if kind in truths else calendar not in {None, has}
    assert set(seen) == {"no_clinic", "set_by_staff", "guessed_right", "guessed_wrong", "guessed_unprovable"}


def test_live_ends_are_missing_empty_or_given(clinic: Loaded) -> None:
    lengths = Counter(
        "none" if row["end_time"] is None else (row["end_time"] - row["start_time"]) > timedelta()
        for row in clinic.rows("appointments")
    )
    assert lengths["none"] > 0
    assert lengths[False] > lengths[True] > 0


def test_imported_notes_are_adopted_by_patient_and_text(clinic: Loaded) -> None:
    by_text = defaultdict(list)
    made_in_nexus = clinic.truth["nexus_rows"]["notes"]
    for row in clinic.rows("notes"):
        if str(row["id"]) not in made_in_nexus:
            assert row["note_type"] == "other"
            by_text[str(row["patient_id"]), row["content"]].append((row["created_at"], str(row["id"])))
    most = 0
    for record in clinic.records("API_Notes"):
        patient_id = clinic.truth["patients"][record["id_Key"].upper()]
        text = record["Note"].replace("\r", "\n").replace("\x00", "")
        ids = [row_id for _, row_id in sorted(by_text.pop((str(patient_id), text), []))]
        expected = clinic.truth["notes"][record["id"]]
        assert expected["patient"] == record["id_Key"].upper()
        assert (ids[0] if ids else None) == expected["nexus_id"]
        assert ids[1:] == clinic.truth["surplus_notes"].get(record["id"], [])
        assert bool(ids) == bool(text.strip() and patient_id)
        most = max(most, len(ids))
    assert most == 4
    assert by_text == {}


def test_each_kind_of_document_has_its_own_evidence(clinic: Loaded) -> None:
    live = clinic.patients()
    records = {record["id"]: record["id_Contact"].upper() for record in clinic.records("API_Docs")}
    owners = {key: owner or "" for key, owner in clinic.truth["filemaker_documents"].items()}
    assert owners == records
    seen = defaultdict(set)
    for row in clinic.rows("documents_document"):
        owner = clinic.truth["documents"].get(str(row["id"]), "")
        recorded = records.pop(str(row["filemaker_id"]).upper(), None)
        linked = live.get(str(row["object_id"]))
        assert recorded in {None, owner}
        assert linked in {None, owner}
        assert (row["content_type_id"] is None) == (row["object_id"] is None)
        in_key = row["s3_key"].split("/")[3] if row["filemaker_id"] else ""
        assert live.get(in_key, owner) == owner
        assert row["filemaker_metadata"] is None
        kind = clinic.truth["document_kinds"][str(row["id"])]
        seen[kind].add((row["object_id"] is not None, linked is not None, recorded is not None, bool(recorded)))
    assert seen == {
        "linked": {(True, True, True, True)},
        "dangling": {(True, False, True, True)},
        "gone": {(True, True, False, False)},
        "unlinked": {(False, False, True, True)},
        "of_nobody": {(False, False, True, False)},
        "uploaded": {(True, True, False, False)},
    }
    assert len(records) == clinic.truth["counts"]["troubles"]["API_Docs/not_in_nexus"]


def test_images_are_known_by_the_record_id_in_their_key_alone(clinic: Loaded) -> None:
    live = clinic.patients()
    by_recid = {str(r["recid"]): r for r in clinic.records("API_Images")}
    assert {r["recid"] for r in clinic.records("API_Images")} == set(map(int, clinic.files.records("API_Images")))
    images = defaultdict(list)
    for image in clinic.rows("images_image"):
        assert image["filemaker_id"] is None
        images[image["batch_id"]].append(image)
    kinds: Counter[str] = Counter()
    for batch in clinic.rows("images_batch"):
        inside = images.pop(batch["id"], [])
        kind, owner = clinic.truth["batch_kinds"][str(batch["id"])], clinic.truth["batches"][str(batch["id"])]
        kinds[kind] += 1
        assert batch["image_count"] == len(inside)
        assert (kind == "empty") == (not inside)
        assert (live.get(str(batch["object_id"])) == owner) == (kind != "dangling")
        if kind == "uploaded":
            continue
        recorded = [by_recid[Path(image["s3_key"]).stem] for image in inside]
        assert {record["id_Contact"].upper() for record in recorded} <= {owner}
        assert len({record["date"] for record in recorded}) <= 1
        for image, record in zip(inside, recorded, strict=True):
            expected = {"patient": owner, "recid": str(record["recid"]), "nexus_id": str(image["id"])}
            assert clinic.truth["filemaker_images"][record["id"]] == expected
    assert images == {}
    assert set(kinds) == {"linked", "dangling", "impossible_date", "empty", "uploaded"}


def test_referrers_companies_and_their_links_are_filemakers(clinic: Loaded) -> None:
    ids: dict[str, str] = {}
    for table, layout, part in (
        ("referrers", "API_Referrer", "referrers"),
        ("companies", "API_Company", "companies"),
    ):
        live = {str(row["filemaker_id"]).upper(): str(row["id"]) for row in clinic.rows(table) if row["filemaker_id"]}
        assert {record["id"]: live.get(record["id"]) for record in clinic.records(layout)} == clinic.truth[part]
        assert len(live) < len(clinic.rows(table))  # some are Nexus's own
        ids |= {nexus: key for key, nexus in live.items()}
    for table, layout, part, (first, second) in (
        ("patient_referrers", "API_ContactToReferrer", "referrer_links", ("id_Contact", "id_Perscriber")),
        ("referrer_companies", "API_ReferrerToCompany_Join", "company_joins", ("id_Referrer", "id_Company")),
    ):
        pairs = Counter((r[first].upper(), r[second].upper()) for r in clinic.records(layout))
        known = {tuple(pair) for pair in clinic.truth[part].values()}
        assert {pair for pair in pairs if None not in map(_whole(clinic), pair)} == known
        assert max(pairs.values()) == 2
        assert set(clinic.truth[part]) <= {str(row["id"]) for row in clinic.rows(table)}


def _whole(clinic: Loaded) -> Any:
    everybody = {**clinic.truth["patients"], **clinic.truth["referrers"], **clinic.truth["companies"]}
    return everybody.get


def test_messages_and_letters_belong_to_whom_the_truth_says(clinic: Loaded) -> None:
    for record in clinic.records("API_Messages"):
        contact, event = record["_kf_ContactID"].upper(), record["_kf_EventID"].upper()
        expected = {"patient": contact if contact in clinic.truth["patients"] else None, "event": event or None}
        assert clinic.truth["messages"][record["_kp_MessageID"]] == expected
        assert not event or event in clinic.truth["appointments"]
    replies = {record["_kp_ReplyID"]: record["_kf_ContactID"].upper() for record in clinic.records("API_Replies")}
    assert replies == clinic.truth["replies"]
    letters = {record["id"]: record["id.key"].upper() for record in clinic.records("@Letters")}
    assert letters == clinic.truth["letters"]


def test_rows_made_in_nexus_belong_to_whom_the_truth_says(clinic: Loaded) -> None:
    columns = {
        "contact_relationships": "from_object_id",
        "documents_document": "object_id",
        "images_batch": "object_id",
        "sent_emails": "related_patient_id",
        "xero_sync_logs": "local_entity_id",
        "django_admin_log": "object_id",
    }
    live = clinic.patients()
    for table, owners in clinic.truth["nexus_rows"].items():
        found = {str(row["id"]): str(row[columns.get(table, "patient_id")]) for row in clinic.rows(table)}
        assert {row_id: live[found[row_id]] for row_id in owners} == owners, table
    kept = {"letters_patientletter", "reminders", "sms_messages", "xero_contact_links", "encounters"}
    assert kept | {"patient_referrers", "notes"} <= set(clinic.truth["nexus_rows"])
    for table in ("letters_patientletter", "sms_messages"):  # no import brought any
        assert len(clinic.truth["nexus_rows"][table]) == len(clinic.rows(table))


def test_storage_holds_what_the_rows_say(clinic: Loaded) -> None:
    sizes = {stored.key: len(stored.body) for stored in iter_objects(clinic.files.directory)}
    expected = {row["s3_key"]: row["file_size"] for row in clinic.rows("documents_document")}
    for image in clinic.rows("images_image"):
        expected[image["s3_key"]] = image["file_size"]
        if image["s3_thumbnail_key"]:
            expected[image["s3_thumbnail_key"]] = image["thumbnail_size"]
    assert sizes == expected
