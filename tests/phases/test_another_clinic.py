"""A clinic whose layouts and fields have other names is mapped by editing YAML alone, as the messages say.

The administrator knows her own FileMaker and follows what a run tells her: file, line, key, what is wrong. She reads no
Python. The test does what she does, and nothing that no message said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.clinic import SEED_CLINIC
from tests.sql.observed import listening
from tests.support.copies import own_include
from tests.support.installation import Installation, Parts, start_installation, start_parts
from tests.support.runs import Run

VERIFY = "phase_0_validate.verify_filemaker"
LAYOUTS = {
    "API_Contacts": "Clients",
    "API_Appointments": "Bookings",
    "API_Notes": "Client Notes",
    "API_Letters": "Correspondence",
    "API_Reminders": "Recalls",
    "API_Docs": "Scans",
    "API_Images": "Photos",
}
FIELDS = {
    "id": "Key",
    "patient_id": "Client Key",
    "appointment_id": "Booking Key",
    "nameFirst": "Given Name",
    "nameLast": "Family Name",
    "DOB": "Born",
    "clinic_name": "Branch",
    "funding_type": "Payer",
    "clinician_name": "Seen By",
    "appointment_type": "Service",
    "startDate": "Day",
    "startTime": "From",
    "NexusExportDate": "Sent To Nexus",
}
"""What she calls what the shipped mapping calls otherwise; she knows both."""
MISTAKE = re.compile(r"(?:Phase 0: )?(\w+\.yaml) line (\d+): (\S+): (.+)")
MISSING = re.compile(
    r"has no (?:layout '(.+?)'|field (.+?)(?: \(nearest: |\. |$))|^Layout (.+) in FileMaker is not there"
)
UNFILLED = re.compile(r"patients\.last_name \(.+\) may not be NULL and nothing fills it: add it under columns")
TYPE = re.compile(r"(\w+) does not fit the column, which is .+: choose (\w+)")
IMPORTED = (
    ("Clients", "patients", "patient"),
    ("Bookings", "appointments", "appointment"),
    ("Client Notes", "notes", "note"),
    ("Correspondence", "letters_patientletter", "letter"),
    ("Recalls", "reminders", "reminder"),
)
"""Her layouts, the tables they fill, and the kinds of records."""
ROUNDS = 6


def rename(clinic: Path) -> None:
    """Give the layouts and fields of a clinic's FileMaker their other names."""
    for path in (clinic / "filemaker").glob("API_*.json"):
        content = json.loads(path.read_text())
        content["layout"] = LAYOUTS[content["layout"]]
        for described in content["fields"]:
            described["name"] = FIELDS.get(described["name"], described["name"])
        for record in content["records"]:
            record["fieldData"] = {FIELDS.get(name, name): value for name, value in record["fieldData"].items()}
        path.unlink()
        (path.parent / f"{content['layout'].replace(' ', '%20')}.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with start_parts(tmp_path_factory.mktemp("another"), SEED_CLINIC) as parts:
        rename(parts.clinic)
        yield parts


@pytest.fixture
def installation(clinic: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with start_installation(clinic) as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


def correct(folder: Path, said: list[str]) -> int:
    """Do what the messages say, where they say it; return how many did."""
    followed = 0
    for line in said:
        found = MISTAKE.match(line)
        if found is None:
            continue
        path, number, what = folder / "mapping" / found[1], int(found[2]), found[4]
        lines = path.read_text().splitlines(keepends=True)
        lines[number - 1] = _corrected(lines[number - 1], what, line)
        path.write_text("".join(lines))
        followed += 1
    return followed


def _corrected(text: str, what: str, line: str) -> str:
    if UNFILLED.search(what):
        assert text == "columns:\n", f"this does not lead to the section: {line}"
        return text + f"  last_name: {{field: {FIELDS['nameLast']}, required: true}}\n"
    if wrong := TYPE.search(what):
        return text.replace(f"type: {wrong[1]}", f"type: {wrong[2]}")
    wrong = MISSING.search(what)
    assert wrong, f"this does not say what to do: {line}"
    former = next(name for name in wrong.groups() if name)
    assert former in text, f"this does not lead to the line: {line}"
    return re.sub(rf"(?<=: ){re.escape(former)}(?=[,}}\]\s])", (LAYOUTS | FIELDS)[former], text)


def test_she_follows_the_messages_and_publishes(installation: Installation, dag: Any, tmp_path: Path) -> None:
    """She corrects what a red task says, and what the log of a green one says is left out."""
    parameters = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}
    with own_include(tmp_path) as folder:
        patient = folder / "mapping" / "patient.yaml"
        text = patient.read_text().replace("{field: DOB, type: date}", "{field: DOB, type: integer}")
        patient.write_text(re.sub(r"  last_name: .+\n", "", text))
        rounds = 0
        while True:
            with listening() as log:
                run = Run(installation, dag, parameters).go(until=VERIFY)
            said = [*str(run.errors.get(VERIFY, "")).splitlines(), *(line.text for line in log)]
            if not correct(folder, said):
                break
            rounds += 1
            assert rounds < ROUNDS, said
        run.go()
    assert run.errors == {}
    assert run.is_green
    for layout, table, entity in IMPORTED:
        path = installation.parts.clinic / "filemaker" / f"{layout.replace(' ', '%20')}.json"
        live = installation.value(
            f"SELECT count(*) FROM {table} JOIN nexus_import.identity ON nexus_id = {table}.id WHERE entity = %s",
            entity,
        )
        assert live == len(json.loads(path.read_text())["records"]) > 0, entity
    assert installation.value("SELECT count(*) FROM patients WHERE last_name = ''") == 0
