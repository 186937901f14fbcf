"""A clinic in PostgreSQL: it loads, its keys hold, and the truth it comes with is true."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from local.clinic import create_schema, iter_objects, load_nexus, make_clinic
from local.postgres import PostgresCluster

PASSWORD = "owner-of-the-test-clinic"
SYDNEY = ZoneInfo("Australia/Sydney")
SEX = {"Male": "M", "M": "M", "Female": "F", "F": "F", "Other": "O"}


@dataclass
class Clinic:
    """A loaded clinic: its directory, the truth, FileMaker's records by layout and a connection."""

    directory: Path
    truth: dict[str, Any]
    filemaker: dict[str, list[dict[str, Any]]]
    connection: psycopg.Connection[dict[str, Any]]

    def rows(self, table: str) -> list[dict[str, Any]]:
        statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        return self.connection.execute(statement).fetchall()

    def names(self, table: str, column: str = "name") -> dict[UUID, str]:
        return {row["id"]: row[column] for row in self.rows(table)}

    def patients_by_nexus_id(self) -> dict[str, str]:
        return {nexus: key for key, nexus in self.truth["patients"].items() if nexus}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    directory = tmp_path_factory.mktemp("clinic")
    make_clinic(directory, scale=0.05, seed=11, today=date(2026, 9, 1))
    filemaker = {}
    for path in (directory / "filemaker").glob("API_*.json"):
        records = json.loads(path.read_text())["records"]
        filemaker[path.stem] = [record["fieldData"] for record in records]
    truth = json.loads((directory / "truth.json").read_text())
    with PostgresCluster(tmp_path_factory.mktemp("cluster") / "data") as cluster:
        cluster.create_role("nexus", PASSWORD)
        cluster.create_database("nexus", "nexus")
        uri = cluster.uri("nexus", "nexus", PASSWORD)
        create_schema(uri)
        assert load_nexus(uri, directory) == truth["counts"]["nexus"]  # COMMIT checked every foreign key
        with psycopg.connect(uri, autocommit=True, row_factory=dict_row) as connection:
            yield Clinic(directory, truth, filemaker, connection)


def us_date(day: date | None) -> str:
    return f"{day:%m/%d/%Y}" if day else ""


def local_start(record: dict[str, Any]) -> datetime:
    text = f"{record['startDate']} {record['startTime']}"
    return datetime.strptime(text, "%m/%d/%Y %H:%M:%S").replace(tzinfo=SYDNEY)


def test_rows_are_counted_as_the_truth_says(clinic: Clinic) -> None:
    for table, count in clinic.truth["counts"]["nexus"].items():
        assert len(clinic.rows(table)) == count, table


def test_application_can_add_rows_after_the_load(clinic: Clinic) -> None:
    taken = [row["id"] for row in clinic.rows("django_content_type")]
    statement = "INSERT INTO django_content_type (app_label, model) VALUES ('x', 'y') RETURNING id"
    with clinic.connection.transaction(force_rollback=True):
        row = clinic.connection.execute(statement).fetchone()
    assert row
    assert row["id"] > max(taken)


def test_empty_directory_is_no_clinic(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"local\.clinic"):
        load_nexus("postgresql://nobody@127.0.0.1:1/none", tmp_path)


def test_patients_are_known_by_their_filemaker_id(clinic: Clinic) -> None:
    stored = {str(row["id"]): row["filemaker_metadata"]["filemaker_id"] for row in clinic.rows("patients")}
    assert {nexus: key.upper() for nexus, key in stored.items()} == clinic.patients_by_nexus_id()
    assert any(key != key.upper() for key in stored.values())


def test_only_the_named_patients_differ_from_filemaker(clinic: Clinic) -> None:
    clinics, funding = clinic.names("clinics"), clinic.names("funding_sources")
    live = {str(row["id"]): row for row in clinic.rows("patients")}
    differing = []
    for contact in clinic.filemaker["API_Contacts"]:
        nexus_id = clinic.truth["patients"][contact["id"]]
        if nexus_id is None:
            continue
        row = live[nexus_id]
        ours = (
            *(row[name] or "" for name in ("title", "first_name", "middle_names", "last_name", "health_number")),
            *(us_date(row[name]) for name in ("dob", "ndis_plan_start_date", "ndis_plan_end_date")),
            *(row["sex"], row["coordinator_name"] or "", clinics[row["clinic_id"]]),
            funding[row["funding_type_id"]],
        )
        theirs = (
            *(contact[name] for name in ("title", "nameFirst", "nameMiddle", "nameLast", "Health Number")),
            *(contact[name] for name in ("DOB", "NDIS Plan Start Date", "NDIS Plan End Date")),
            *(SEX.get(contact["gender"], "U"), contact["NDIS Coordinator Name"], contact["clinic_name"]),
            contact["funding_type"],
        )
        if ours != theirs:
            differing.append(contact["id"])
    assert differing == clinic.truth["changed_patients"]


def test_only_the_named_appointments_differ_from_filemaker(clinic: Clinic) -> None:
    clinics, kinds = clinic.names("clinics"), clinic.names("appointment_types")
    clinicians = clinic.names("clinicians", "full_name")
    minutes = {row["name"]: row["default_duration_minutes"] for row in clinic.rows("appointment_types")}
    live = {str(row["id"]): row for row in clinic.rows("appointments")}
    changed, edited = set(), set()
    for record in clinic.filemaker["API_Appointments"]:
        nexus_id = clinic.truth["appointments"][record["id"]]
        if nexus_id is None:
            continue
        row, start = live[nexus_id], local_start(record)
        end = start + timedelta(minutes=minutes[record["appointment_type"]])
        if record["endDate"]:
            end = local_start({"startDate": record["endDate"], "startTime": record["endTime"]})
        assert str(row["patient_id"]) == clinic.truth["patients"][record["patient_id"]]
        ours = (
            *(clinics[row["clinic_id"]], clinicians[row["clinician_id"]], kinds[row["appointment_type_id"]]),
            *(row["start_time"].astimezone(SYDNEY), row["end_time"].astimezone(SYDNEY)),
        )
        if ours != (
            *(record["clinic_name"], record["clinician_name"], record["appointment_type"]),
            *(start, end),
        ):
            changed.add(record["id"])
        if (row["notes"] or "") != record["note"].replace("\r", "\n"):
            edited.add(record["id"])
    assert sorted(changed) == clinic.truth["changed_appointments"]
    assert sorted(edited) == clinic.truth["appointments_with_edited_notes"]


def test_appointments_without_event_id_can_be_adopted_by_one_record_only(clinic: Clinic) -> None:
    candidates = defaultdict(list)
    for record in clinic.filemaker["API_Appointments"]:
        nexus_patient = clinic.truth["patients"][record["patient_id"]]
        candidates[nexus_patient, local_start(record)].append(record["id"])
    assert all(len(keys) == 1 for (patient, _), keys in candidates.items() if patient)
    adopted = {}
    for row in clinic.rows("appointments"):
        if row["filemaker_event_id"] is None:
            [key] = candidates[str(row["patient_id"]), row["start_time"].astimezone(SYDNEY)]
            adopted[key] = str(row["id"])
        else:
            event_id = str(row["filemaker_event_id"]).upper()
            assert clinic.truth["appointments"][event_id] == str(row["id"])
    assert sorted(adopted) == clinic.truth["adoptable_appointments"]
    assert adopted.items() <= clinic.truth["appointments"].items()


def test_live_rows_are_complete(clinic: Clinic) -> None:
    for row in clinic.rows("patients"):
        assert row["clinic_id"]
        assert row["funding_type_id"]
    for row in clinic.rows("appointments"):
        assert all(row[name] for name in ("patient_id", "clinic_id", "clinician_id", "appointment_type_id"))
        assert row["end_time"] > row["start_time"]


def test_imported_notes_are_adopted_by_patient_and_text(clinic: Clinic) -> None:
    by_text = defaultdict(list)
    for row in clinic.rows("notes"):
        by_text[str(row["patient_id"]), row["content"]].append((row["created_at"], str(row["id"])))
    for record in clinic.filemaker["API_Notes"]:
        patient_id = clinic.truth["patients"][record["patient_id"]]
        copies = sorted(by_text[str(patient_id), record["Note"].replace("\r", "\n")])
        ids = [row_id for _, row_id in copies]
        assert ids == sorted(ids)  # the oldest copy has the lowest id
        expected = clinic.truth["notes"][record["id"]]
        assert expected["patient"] == record["patient_id"]
        assert (ids[0] if ids else None) == expected["nexus_id"]
        assert ids[1:] == clinic.truth["surplus_notes"].get(record["id"], [])


def test_first_witness_of_a_document_is_right(clinic: Clinic) -> None:
    live = clinic.patients_by_nexus_id()
    records = {record["id"]: record["patient_id"] for record in clinic.filemaker["API_Docs"]}
    for row in clinic.rows("documents_document"):
        metadata = (row["filemaker_metadata"] or {}).get("filemaker_patient_id", "").upper()
        linked = live.get(str(row["object_id"]), "")
        recorded = records.get(str(row["filemaker_id"]).upper(), "")
        parts = row["s3_key"].split("/")
        in_key = live.get(parts[3], "") if parts[0] == "patients" else ""
        answers = [answer for answer in (metadata, linked, recorded, in_key) if answer]
        owner = clinic.truth["documents"][str(row["id"])]
        assert answers[0] == owner
        if clinic.truth["document_kinds"][str(row["id"])] == "wrong_link":
            assert linked != owner
        else:
            assert set(answers) == {owner}


def test_each_kind_of_document_has_its_own_evidence(clinic: Clinic) -> None:
    live = clinic.patients_by_nexus_id()
    records = {record["id"] for record in clinic.filemaker["API_Docs"]}
    seen = defaultdict(set)
    for row in clinic.rows("documents_document"):
        seen[clinic.truth["document_kinds"][str(row["id"])]].add(
            (
                row["object_id"] is not None,
                str(row["object_id"]) in live,
                str(row["filemaker_id"]).upper() in records,
                row["filemaker_id"] is not None,
            )
        )
    assert seen == {
        "linked": {(True, True, True, True)},
        "wrong_link": {(True, True, True, True)},
        "dangling": {(True, False, True, True)},
        "only_storage_key": {(True, False, False, True)},
        "only_metadata": {(False, False, False, True)},
        "uploaded": {(True, True, False, False)},
    }


def test_first_witness_of_a_batch_is_right_and_its_images_are_counted(clinic: Clinic) -> None:
    live = clinic.patients_by_nexus_id()
    by_recid = {str(record["recid"]): record["patient_id"] for record in clinic.filemaker["API_Images"]}
    images = defaultdict(list)
    for image in clinic.rows("images_image"):
        images[image["batch_id"]].append(image)
    assert any(image["filemaker_id"] for batch in images.values() for image in batch)
    for row in clinic.rows("images_batch"):
        assert row["image_count"] == len(images[row["id"]]) > 0
        metadata = (row["metadata"] or {}).get("filemaker_patient_id", "").upper()
        linked = live.get(str(row["object_id"]), "")
        stems = [Path(image["s3_key"]).stem for image in images[row["id"]]]
        recorded = {by_recid[stem] for stem in stems if stem in by_recid}
        owner = clinic.truth["batches"][str(row["id"])]
        assert next(filter(None, (metadata, linked, *recorded))) == owner
        assert recorded <= {owner}
        kind = clinic.truth["batch_kinds"][str(row["id"])]
        assert bool(linked) == (kind != "dangling")
        assert (linked not in {"", owner}) == (kind == "wrong_link")


def test_rows_made_in_nexus_belong_to_whom_the_truth_says(clinic: Clinic) -> None:
    columns = {
        "contact_relationships": "from_object_id",
        "documents_document": "object_id",
        "images_batch": "object_id",
        "sent_emails": "related_patient_id",
        "xero_sync_logs": "local_entity_id",
        "django_admin_log": "object_id",
    }
    live = clinic.patients_by_nexus_id()
    for table, owners in clinic.truth["nexus_rows"].items():
        column = columns.get(table, "patient_id")
        found = {str(row["id"]): str(row[column]) for row in clinic.rows(table)}
        assert {row_id: live[found[row_id]] for row_id in owners} == owners, table
    assert {"notes", "letters_patientletter", "reminders", "sms_messages", "sms_inbound", "encounters"} <= set(
        clinic.truth["nexus_rows"]
    )


def test_rows_about_an_appointment_belong_to_its_patient(clinic: Clinic) -> None:
    owners = {str(row["id"]): str(row["patient_id"]) for row in clinic.rows("appointments")}
    for table in ("sms_messages", "encounters", "reminders", "xero_invoice_links", "xero_quote_links"):
        linked = [row for row in clinic.rows(table) if row["appointment_id"]]
        assert linked, table
        for row in linked:
            assert owners[str(row["appointment_id"])] == str(row["patient_id"])
            key = clinic.truth["nexus_row_appointments"][table][str(row["id"])]
            assert clinic.truth["appointments"][key] == str(row["appointment_id"])


def test_storage_holds_what_the_rows_say(clinic: Clinic) -> None:
    sizes = {stored.key: len(stored.body) for stored in iter_objects(clinic.directory)}
    expected = {row["s3_key"]: row["file_size"] for row in clinic.rows("documents_document")}
    for image in clinic.rows("images_image"):
        expected[image["s3_key"]] = image["file_size"]
        if image["s3_thumbnail_key"]:
            expected[image["s3_thumbnail_key"]] = image["thumbnail_size"]
    assert sizes == expected
