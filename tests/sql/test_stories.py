"""From a defect in FileMaker to a red run that says what to do, and from its correction to a green one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.sql.clinic import Clinic
from tests.sql.observed import Observed, go_and_observe
from tests.support.installation import Installation
from tests.support.runs import Run

READ_AGAIN = "phase_0_validate.verify_filemaker"
NewRun = Callable[..., Run]


@pytest.fixture
def clinic(installation: Installation) -> Clinic:
    """The clinic of the test's own installation."""
    return Clinic(installation)


def assert_stopped(observed: Observed, gate: str, check: str, entity: str, records: set[str], todo: str) -> None:
    """Assert that the check stopped the run at the gate, named these records and what to do, and harmed nothing."""
    assert observed.run.results[gate] is False
    assert not observed.run.is_green
    assert observed.found[check] == sorted((entity, record) for record in records)
    said = [line for line in observed.log if f"{check}: {len(records)} break the rule" in line.text]
    assert said
    assert all(line.level == logging.ERROR and todo in line.text for line in said)
    assert check in observed.run.last_words
    assert observed.run.last_words.endswith(f"Clear {READ_AGAIN} with downstream.")
    assert observed.is_live_unchanged
    assert observed.publication_count == 0
    assert observed.personal_values == []


@contextmanager
def mending(run: Run) -> Iterator[None]:
    """Correct FileMaker in the block; then the cleared run goes on, publishes, and is green."""
    yield
    run.clear(READ_AGAIN).go()
    assert run.errors == {}
    assert run.is_green
    assert run.results["publish.verify_live"]["verified_count"] > 0
    failed = "SELECT check_id FROM nexus_import.check_result WHERE run_id = %s AND NOT is_passed"
    assert run.installation.rows(failed, run.run_id) == []


def test_patient_without_clinic(clinic: Clinic, new_run: NewRun) -> None:
    record = clinic.edit("API_Contacts", {"clinic_name": ""})
    run = new_run()
    check = "phase_0/patients_have_clinic_name"
    assert_stopped(
        go_and_observe(run), "phase_0_validate.gate", check, "patient", {record}, "Fill clinic_name of these records"
    )
    with mending(run):
        clinic.mend("API_Contacts", record)
    assert run.findings(check) == []


def test_appointment_of_an_unknown_clinician(clinic: Clinic, new_run: NewRun) -> None:
    record = clinic.edit("API_Appointments", {"clinician_name": "Xq Zzyzx"})
    run, check = new_run(), "phase_0/clinician_names_exist"
    stopped = go_and_observe(run)
    todo = "Correct clinician_name in FileMaker, or add an alias"
    assert_stopped(stopped, "phase_0_validate.gate", check, "appointment", {record}, todo)
    named = "1 name 'Xq Zzyzx', which clinicians in Nexus does not have (nothing is near)"
    assert named in stopped.checks[check].sentence
    with mending(run):
        clinic.mend("API_Appointments", record)


def test_clinic_that_nexus_lacks(clinic: Clinic, new_run: NewRun) -> None:
    records = {clinic.edit("API_Appointments", {"clinic_name": "Newcasle"}) for _ in range(3)}
    run, check = new_run(), "phase_0/clinic_names_exist"
    stopped = go_and_observe(run)
    assert_stopped(stopped, "phase_0_validate.gate", check, "appointment", records, "Correct the clinic in FileMaker")
    named = "3 name 'Newcasle', which clinics in Nexus does not have (nearest: 'Newcastle')"
    assert named in stopped.checks[check].sentence
    with mending(run):
        for record in records:
            clinic.mend("API_Appointments", record)


def test_duplicate_filemaker_id(clinic: Clinic, new_run: NewRun) -> None:
    records = set(clinic.duplicate("API_Contacts"))
    run, check = new_run(), "phase_3/no_duplicate_patients"
    assert_stopped(go_and_observe(run), "phase_3_patients.gate", check, "patient", records, "Keep one record per id")
    (copy,) = records - clinic.records("API_Contacts").keys()
    with mending(run):
        clinic.installation.simulator.control.delete_record("API_Contacts", copy)
    ids = "SELECT count(*), count(DISTINCT lower(filemaker_metadata ->> 'filemaker_id')) FROM patients"
    assert len(set(clinic.installation.rows(ids)[0])) == 1
