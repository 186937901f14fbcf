"""Two runs and their lists of findings: where each stands, what may have been meant, and what became of the first's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.journal import create_journal
from openpyxl import load_workbook

from tests.nexus.quick_run import FileMaker, QuickRun, make_quick_run
from tests.sql.observed import LogLine, listening, personal_values_in
from tests.support.copies import connected
from tests.support.installation import BUCKET, Installation, start_installation

CLINICS, NO_CLINIC = "phase_0/clinic_names_exist", "phase_0/appointments_have_clinic_name"
DUPLICATES = "phase_3/no_duplicate_patients"
Row = dict[str, str]


@dataclass(frozen=True)
class Reported:
    """A run, what it logged, and the files beside its report."""

    run: QuickRun
    log: list[LogLine]
    files: dict[str, bytes]

    def rows(self, name: str) -> list[Row]:
        """Return the rows of one of its CSV files."""
        return list(csv.DictReader(io.StringIO(self.files[name].decode("utf-8-sig"), newline="")))

    def says(self, text: str) -> bool:
        """Tell whether a line of the log is this."""
        return text in [line.text for line in self.log]


@dataclass(frozen=True)
class Story:
    """Three runs of one Nexus; `ids` are FileMaker ids by what is wrong with the record."""

    duplicated: Reported
    first: Reported
    second: Reported
    ids: dict[str, str]
    record_ids: dict[str, str]
    newcastle_count: int
    home_of_appointment: str


def report(run: QuickRun) -> Reported:
    """Go to the end of the run and read what it left on S3."""
    with listening() as log:
        run.go()
    s3, files = run.installation.s3(), {}
    for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"nexus-import/reports/{run.run_id}/")["Contents"]:
        name = entry["Key"].split("/", 4)[4]
        files[name] = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
    return Reported(run, log, files)


@pytest.fixture(scope="module")
def story(parts: Any, dag: Any, first_run: Any) -> Iterator[Story]:
    with start_installation(parts, first_run.installation.database.database) as installation, connected(installation):
        filemaker = FileMaker(parts)

        def next_report() -> Reported:
            return report(make_quick_run(installation, dag, filemaker, mode="rehearse"))

        patients = filemaker.ids("patient")
        ids = dict(zip(("twin", "mended", "open", "new"), patients, strict=False))
        ids["appointment"] = filemaker.ids("appointment")[0]
        fields = filemaker.fields("patient", ids["mended"])
        home = fields["clinic_name"]
        record_ids = {word: _record_id(filemaker, word, key) for word, key in ids.items()}
        twin = filemaker.add_like("patient", ids["twin"], id=ids["twin"].lower())
        duplicated = next_report()
        filemaker.remove("patient", twin)

        fields["clinic_name"] = filemaker.fields("patient", ids["open"])["clinic_name"] = "Newcasle"
        appointment = filemaker.fields("appointment", ids["appointment"])
        appointment["clinic_name"] = ""
        first = next_report()

        fields["clinic_name"] = home
        filemaker.fields("patient", ids["new"])["clinic_name"] = "Zzyzx"
        second = next_report()
        in_newcastle = "SELECT count(*) FROM patients JOIN clinics ON clinics.id = clinic_id WHERE name = 'Newcastle'"
        yield Story(
            *(duplicated, first, second, ids, record_ids),
            installation.value(in_newcastle),
            filemaker.fields("patient", appointment["patient_id"])["clinic_name"],
        )


def _record_id(filemaker: FileMaker, word: str, key: str) -> str:
    entity = "appointment" if word == "appointment" else "patient"
    return next(record for record, _, fields in filemaker.read(entity) if fields["id"] == key)


def by_record(rows: list[Row]) -> dict[str, Row]:
    """Return the rows by record id."""
    return {row["FileMaker record id"]: row for row in rows}


def test_finding_says_where_what_is_wrong_and_what_may_have_been_meant(story: Story) -> None:
    row = by_record(story.first.rows("findings/phase_0_clinic_names_exist.csv"))[story.record_ids["open"]]
    assert row["FileMaker id"] == story.ids["open"]
    assert (row["layout"], row["field"]) == ("API_Contacts", "clinic_name")
    assert row["what is wrong"] == "Broken rule: All FileMaker clinic names exist in Nexus: Newcasle"
    assert row["what to do"].startswith("Correct the clinic in FileMaker, or add an alias")
    assert story.newcastle_count > 0
    assert row["suggestion"] == f"nearest Nexus clinic: Newcastle, {story.newcastle_count} patients"


def test_finding_without_a_near_name_suggests_nothing(story: Story) -> None:
    row = by_record(story.second.rows("findings/phase_0_clinic_names_exist.csv"))[story.record_ids["new"]]
    assert row["suggestion"] == ""


def test_finding_stands_at_the_clinic_of_its_patient(story: Story) -> None:
    (row,) = story.first.rows("findings/phase_0_appointments_have_clinic_name.csv")
    assert (row["layout"], row["clinic"]) == ("API_Appointments", story.home_of_appointment)


def test_each_finding_is_new_still_open_or_fixed(story: Story) -> None:
    first = by_record(story.first.rows("findings.csv"))
    assert {row["status"] for row in first.values() if row["check"] in {CLINICS, NO_CLINIC}} == {"new"}
    second = by_record(story.second.rows("findings.csv"))
    assert second[story.record_ids["open"]]["status"] == "still open"
    assert second[story.record_ids["appointment"]]["status"] == "still open"
    assert second[story.record_ids["new"]]["status"] == "new"
    assert story.record_ids["mended"] not in second
    (fixed,) = story.second.rows("fixed.csv")
    assert (fixed["check"], fixed["FileMaker record id"], fixed["status"]) == (
        *(CLINICS, story.record_ids["mended"], "fixed"),
    )


def test_what_became_of_them_is_in_log_report_and_xcom(story: Story) -> None:
    line = "3 findings: 2 still open, 1 new; 1 of the last run is fixed"
    assert story.second.says(f"Findings: {line}")
    assert story.second.says(f"Findings: {CLINICS}: 2 findings: 1 still open, 1 new; 1 of the last run is fixed")
    assert line in story.second.files["report.html"].decode()
    assert json.loads(story.second.files["report.json"])["findings"] == {"new": 1, "still_open": 2, "fixed": 1}
    counts = {"finding_count": 3, "new_count": 1, "still_open_count": 2, "fixed_count": 1}
    result = story.second.run.results["end.write_report"]
    assert counts.items() <= result.items()
    assert result["report_key"].endswith("/report.html")


def test_check_that_a_run_did_not_come_to_says_nothing_about_its_findings(story: Story) -> None:
    """The first run stopped before phase 3: nobody knows whether the duplicate of the run before is gone."""
    assert len(story.duplicated.run.findings(DUPLICATES)) == 2
    assert "fixed.csv" not in story.first.files


def test_workbook_has_a_sheet_for_each_check_that_found_something(story: Story) -> None:
    book = load_workbook(io.BytesIO(story.second.files["findings.xlsx"]))
    assert book.sheetnames == [
        "contents",
        "0 appointments have clinic name",
        "0 clinic names exist",
        "fixed since the last run",
    ]
    own = load_workbook(io.BytesIO(story.second.files["findings/phase_0_clinic_names_exist.xlsx"]))
    assert [row[0].value for row in own.worksheets[0].iter_rows()] == [
        "FileMaker record id",
        *(row["FileMaker record id"] for row in story.second.rows("findings/phase_0_clinic_names_exist.csv")),
    ]


def test_findings_name_no_person(story: Story) -> None:
    for reported in (story.duplicated, story.first, story.second):
        assert personal_values_in(reported.run.installation, reported.run.run_id, reported.log) == []
        personal = (reported.run.installation.parts.clinic / "personal_values.txt").read_text().splitlines()
        text = "\n".join(body.decode("utf-8-sig") for name, body in reported.files.items() if name.endswith("csv"))
        assert [value for value in personal if value and value in text] == []


def test_journal_of_before_gets_the_columns_that_it_lacks(installation: Installation) -> None:
    columns = {"finding": ["clinic", "layout", "suggestion"], "check_result": ["todo"]}
    with installation.importer() as connection:
        create_journal(connection)
        for table, names in columns.items():
            for name in names:
                connection.execute(f"ALTER TABLE nexus_import.{table} DROP COLUMN {name}".encode())
        create_journal(connection)
        for table, names in columns.items():
            assert {column.name for column in read_columns(connection, table, "nexus_import")} >= set(names)
