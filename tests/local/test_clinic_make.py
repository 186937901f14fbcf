"""The generator: same seed, same bytes; the reference sizes; files that are what they say."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from local.clinic import iter_objects, make_clinic
from local.clinic.__main__ import main
from local.clinic.sizes import Sizes

TODAY = date(2026, 9, 1)
SMALL = 0.01
FEWEST_PATIENTS = 20


def contents(directory: Path) -> dict[str, bytes]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("clinic")
    make_clinic(directory, scale=SMALL, seed=7, today=TODAY)
    return directory


def test_same_seed_gives_the_same_bytes(clinic: Path, tmp_path: Path) -> None:
    make_clinic(tmp_path, scale=SMALL, seed=7, today=TODAY)
    assert contents(tmp_path) == contents(clinic)


def test_other_seed_gives_another_clinic(clinic: Path, tmp_path: Path) -> None:
    make_clinic(tmp_path, scale=SMALL, seed=8, today=TODAY)
    theirs = contents(clinic)
    assert theirs["truth.json"] != contents(tmp_path)["truth.json"]


def test_remaking_leaves_nothing_of_the_older_clinic(clinic: Path, tmp_path: Path) -> None:
    make_clinic(tmp_path, scale=0.02, seed=3, today=TODAY)
    make_clinic(tmp_path, scale=SMALL, seed=7, today=TODAY)
    assert contents(tmp_path) == contents(clinic)


def test_small_clinic_holds_every_special_case(clinic: Path) -> None:
    truth = json.loads((clinic / "truth.json").read_text())
    assert len(truth["patients"]) >= FEWEST_PATIENTS
    kinds = {"linked", "wrong_link", "dangling", "only_storage_key", "only_metadata", "uploaded"}
    assert set(truth["document_kinds"].values()) == kinds
    assert set(truth["batch_kinds"].values()) == {"linked", "wrong_link", "dangling", "uploaded"}
    for part in ("changed_patients", "changed_appointments", "adoptable_appointments", "surplus_notes"):
        assert truth[part], part
    assert None in truth["patients"].values()
    assert None in truth["appointments"].values()


def test_full_size_clinic_has_the_reference_counts(tmp_path: Path) -> None:
    summary = make_clinic(tmp_path, today=TODAY)
    assert summary.filemaker == {
        "API_Contacts": 2_842,
        "API_Appointments": 9_830,
        "API_Notes": 11_210,
        "API_Letters": 640,
        "API_Reminders": 380,
        "API_Docs": 9_830,
        "API_Images": summary.filemaker["API_Images"],
    }
    live = {"patients": 2_801, "appointments": 9_600, "documents_document": 10_190, "images_image": 6_574}
    live |= {"images_batch": 1_660, "clinics": 11, "clinicians": 9, "appointment_types": 6, "funding_sources": 5}
    live |= {"sms_messages": 1_800, "encounters": 420, "patient_referrers": 600, "xero_contact_links": 720}
    assert {table: summary.nexus[table] for table in live} == live
    sizes = Sizes()
    unusual = sizes.changed_appointments + sizes.appointments_without_event_id
    assert unusual / summary.nexus["appointments"] < 0.15
    assert sizes.changed_patients / summary.nexus["patients"] < 0.05


def test_scale_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive"):
        make_clinic(tmp_path, scale=0)


def test_layout_files_follow_the_data_set_contract(clinic: Path) -> None:
    results = {"text", "number", "date", "time", "timeStamp"}
    for path in (clinic / "filemaker").glob("API_*.json"):
        document = json.loads(path.read_text())
        assert document["layout"] == unquote(path.stem)
        fields = [field["name"] for field in document["fields"]]
        assert {field["result"] for field in document["fields"]} <= results
        assert fields[0] == "id"
        assert document["records"]
        record_ids = [int(record["recordId"]) for record in document["records"]]
        assert record_ids == sorted(set(record_ids))
        for record in document["records"]:
            assert list(record["fieldData"]) == fields
            assert record["fieldData"]["id"] == record["fieldData"]["id"].upper()
            assert record["modId"].isdigit()


def test_every_filemaker_file_was_exported(clinic: Path) -> None:
    for layout in ("API_Docs", "API_Images"):
        document = json.loads((clinic / "filemaker" / f"{layout}.json").read_text())
        assert all(record["fieldData"]["NexusExportDate"] for record in document["records"])


def test_filemaker_texts_have_carriage_returns(clinic: Path) -> None:
    text = (clinic / "filemaker" / "API_Notes.json").read_text()
    assert "\\r" in text
    assert "\\n" not in text


def assert_cross_references_hold(pdf: bytes) -> None:
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    assert pdf[start:].startswith(b"xref")
    offsets = [int(line[:10]) for line in pdf[start:].splitlines() if line.endswith(b" n ")]
    assert offsets
    for number, offset in enumerate(offsets, start=1):
        assert pdf[offset:].startswith(b"%d 0 obj" % number)


def test_objects_are_valid_files(clinic: Path) -> None:
    objects = list(iter_objects(clinic))
    assert len({stored.key for stored in objects}) == len(objects)
    seen = set()
    for stored in objects:
        seen.add(stored.content_type)
        if stored.content_type == "application/pdf":
            assert_cross_references_hold(stored.body)
        else:
            with Image.open(io.BytesIO(stored.body)) as image:
                image.load()
                assert f"image/{(image.format or '').lower()}" == stored.content_type
    assert seen == {"application/pdf", "image/jpeg", "image/png"}


def test_personal_values_name_every_patient_and_no_configuration(clinic: Path) -> None:
    values = (clinic / "personal_values.txt").read_text().splitlines()
    assert len(values) == len(set(values))
    assert min(map(len, values)) >= 5
    document = json.loads((clinic / "filemaker" / "API_Contacts.json").read_text())
    for record in document["records"]:
        contact = record["fieldData"]
        assert f"{contact['nameFirst']} {contact['nameLast']}" in values
        assert not contact["DOB"] or contact["DOB"] in values
    configuration = b"".join(
        path.read_bytes() for path in (clinic / "nexus").glob("*.csv") if path.name < "009_"
    ).decode()
    assert [value for value in values if value in configuration] == []


def test_command_line_makes_a_clinic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path), "--scale", str(SMALL), "--seed", "7", "--today", TODAY.isoformat()])
    assert "FileMaker API_Contacts: 28 records" in capsys.readouterr().out
    assert (tmp_path / "truth.json").exists()


def test_loading_without_an_address_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_DB_URI", raising=False)
    with pytest.raises(SystemExit, match="NEXUS_DB_URI"):
        main([str(tmp_path), "--scale", str(SMALL), "--load"])
