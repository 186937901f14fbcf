"""The reference clinic's generator: same seed, same bytes; the recorded counts, at every size; its own layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from local.clinic import REFERENCE_CLINIC, SEED_CLINIC, make_clinic
from local.clinic.__main__ import main
from local.clinic.reference import calendar
from tests.support.reference import RECORDED, ReferenceClinic, measure

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference_clinic.md"
TODAY = date(2026, 9, 1)
SMALL = 0.02
MOST_DEVIATION = 0.05


def contents(directory: Path) -> dict[str, bytes]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def make(directory: Path, scale: float = SMALL, seed: int = 7) -> Path:
    make_clinic(directory, REFERENCE_CLINIC, scale=scale, seed=seed, today=TODAY)
    return directory


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> ReferenceClinic:
    return ReferenceClinic(make(tmp_path_factory.mktemp("reference")))


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(clinic: ReferenceClinic, tmp_path: Path) -> None:
    assert contents(make(tmp_path / "again")) == contents(clinic.directory)
    assert contents(make(tmp_path / "other", seed=8))["truth.json"] != contents(clinic.directory)["truth.json"]


def test_nothing_is_left_of_a_clinic_of_another_kind(clinic: ReferenceClinic, tmp_path: Path) -> None:
    make_clinic(tmp_path, SEED_CLINIC, scale=SMALL, seed=7, today=TODAY)
    assert contents(make(tmp_path)) == contents(clinic.directory)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> ReferenceClinic:
    return ReferenceClinic(make(tmp_path_factory.mktemp("full"), scale=1, seed=1))


def test_full_size_has_the_recorded_counts(full: ReferenceClinic) -> None:
    assert measure(full) == RECORDED


def test_page_tells_the_counts_of_the_first_seed(full: ReferenceClinic) -> None:
    layouts, troubles = (_table_after(heading) for heading in ("## FileMaker", "## Troubles"))
    told = {name: count for names, counts, *_ in layouts for name, count in zip(names, counts, strict=False)}
    assert told == {layout: count for layout, count in full.truth["counts"]["filemaker"].items() if layout in told}
    assert len(told) == len(full.truth["counts"]["filemaker"])
    layout = ""
    for first, kinds, counts in troubles:
        layout = first[0] if first else layout
        actual = [full.truth["counts"]["troubles"][f"{layout}/{kind}"] for kind in kinds]
        assert counts == actual, (layout, kinds)


def _table_after(heading: str) -> Iterator[list[list[Any]]]:
    """Yield the cells of the first table under a heading of the page: names in backquotes, or else numbers."""
    lines = PAGE.read_text().partition(f"{heading}\n")[2].partition("\n|---")[2].splitlines()[1:]
    for line in takewhile(lambda line: line.startswith("|"), lines):
        cells = [cell.strip() for cell in line.strip("|").split("|")][:-1]
        yield [
            re.findall(r"`([@\w]+)`", cell) or [int(number.replace(",", "")) for number in cell.split(", ") if number]
            for cell in cells
        ]


@pytest.mark.parametrize(("scale", "most_rounding"), [(SMALL, 7), (0.1, 4)])
def test_smaller_clinics_keep_the_proportions(tmp_path: Path, scale: float, most_rounding: int) -> None:
    # Two rows of every kind of trouble stay, also where its share would be less than one.
    measured = measure(ReferenceClinic(make(tmp_path, scale)))
    expected = {name: count * scale for name, count in RECORDED.items()}
    deviating = {
        name: (measured[name], share)
        for name, share in expected.items()
        if abs(measured[name] - share) > max(most_rounding, MOST_DEVIATION * share)
    }
    assert deviating == {}


def test_small_clinic_holds_every_trouble_of_the_large_one(clinic: ReferenceClinic, tmp_path: Path) -> None:
    large = ReferenceClinic(make(tmp_path, scale=0.2)).truth["counts"]["troubles"]
    small = clinic.truth["counts"]["troubles"]
    rare = {name for name, count in large.items() if count * SMALL < 1}
    assert set(large) - rare - set(small) == set()
    assert {kind for kind in small if kind.startswith("API_Contacts/")} >= {
        *("API_Contacts/nameless", "API_Contacts/day_first_date", "API_Contacts/clinic_unknown"),
        *("API_Contacts/clinic_missing", "API_Contacts/clinic_spelled"),
    }


def test_no_patient_has_the_same_referrer_twice(tmp_path: Path) -> None:
    for seed in range(8):  # Nexus refuses a pair that stands twice, and staff's links meet the imported ones
        made = ReferenceClinic(make(tmp_path, seed=seed))
        pairs = [(link["patient_id"], link["referrer_id"]) for link in made.rows("patient_referrers")]
        assert len(pairs) == len(set(pairs)), f"seed {seed}"


def test_no_patient_has_two_appointments_at_one_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "APPOINTMENT_PAST_DAYS", 2)
    monkeypatch.setattr(calendar, "APPOINTMENT_FUTURE_DAYS", 2)
    starts = [(row["patient_id"], row["start_time"]) for row in ReferenceClinic(make(tmp_path)).rows("appointments")]
    assert len(starts) == len(set(starts))


def test_layout_files_follow_the_data_set_contract(clinic: ReferenceClinic) -> None:
    results = {"text", "number", "date", "time", "timeStamp", "container"}
    for layout, document in clinic.layouts.items():
        fields = [field["name"] for field in document["fields"]]
        assert {field["result"] for field in document["fields"]} <= results
        if layout == "API_event_calendar":
            continue
        record_ids = [int(record["recordId"]) for record in document["records"]]
        assert record_ids == sorted(set(record_ids)), layout
        for record in document["records"]:
            assert list(record["fieldData"]) == fields
            assert record["fieldData"].get("id", "").isupper() or "id" not in fields


def test_filemaker_texts_have_carriage_returns_and_some_a_nul(clinic: ReferenceClinic) -> None:
    texts = [note["Note"] for note in clinic.records("API_Notes").values()]
    assert any("\r" in text for text in texts)
    assert any("\x00" in text for text in texts)
    assert not any("\n" in str(value) for layout in clinic.layouts for value in _values(clinic, layout))


def _values(clinic: ReferenceClinic, layout: str) -> list[object]:
    records = clinic.layouts[layout].get("records", [])
    return [value for record in records for value in record["fieldData"].values()]


def test_export_marks_come_in_three_forms_and_dates_in_one(clinic: ReferenceClinic) -> None:
    forms = (r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}", r"\d\d/\d\d/\d{4} [\d:]{8}", "1", "")
    marks = [document["NexusExportDate"] for document in clinic.records("API_Docs").values()]
    for form in forms:
        assert any(re.fullmatch(form, mark) for mark in marks), form
    assert all(any(re.fullmatch(form, mark) for form in forms) for mark in marks)
    born = [contact["DOB"] for contact in clinic.records("API_Contacts").values() if contact["DOB"]]
    assert all(re.fullmatch(r"\d\d/\d\d/\d{4}", day) for day in born)


def test_personal_values_name_every_patient_and_no_configuration(clinic: ReferenceClinic) -> None:
    values = (clinic.directory / "personal_values.txt").read_text().splitlines()
    assert len(values) == len(set(values))
    assert min(map(len, values)) >= 5
    for contact in clinic.records("API_Contacts").values():
        assert not contact["nameLast"] or f"{contact['nameFirst']} {contact['nameLast']}" in values
    paths = [path for path in (clinic.directory / "nexus").glob("*.csv") if path.name < "009_"]
    configuration = b"".join(path.read_bytes() for path in paths).decode()
    assert [value for value in values if value in configuration] == []


def test_command_line_makes_it_and_counts_its_troubles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--clinic", "reference", "--scale", str(SMALL), "--seed", "7", "--today", TODAY.isoformat())
    main([str(tmp_path), *options])
    printed = capsys.readouterr().out
    assert "FileMaker API_event: 303 records" in printed
    assert "Trouble API_event/no_patient: 106 records" in printed


def test_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="imaginary"):
        make_clinic(tmp_path, "imaginary")


def test_scale_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive"):
        make_clinic(tmp_path, REFERENCE_CLINIC, scale=-1)
