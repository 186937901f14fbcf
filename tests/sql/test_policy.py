"""What the policy may change about a check: its severity, and how many it may find and pass all the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from logging import WARNING
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.relaxation import Relaxation

from tests.sql.clinic import Clinic
from tests.sql.defects.phase_7 import images_of
from tests.sql.observed import Observed, go_and_observe
from tests.support.copies import CopyRun, own_include
from tests.support.installation import BUCKET
from tests.support.runs import Run

READ_AGAIN = "phase_0_validate.verify_filemaker"
CLINICIAN_CHECKS = {
    "phase_0/appointments_have_clinician_name",
    "phase_4/appointments_have_clinician",
    "phase_8/appointments_have_clinician",
}


@pytest.fixture
def write_policy(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that gives the import a policy of the test's own until the test ends."""
    numbers = iter(range(1, 10))
    with ExitStack() as stack:
        yield lambda **policy: stack.enter_context(own_include(tmp_path / f"{next(numbers)}", **policy))


def unusual(run: Run) -> list[str]:
    """Return why a person is asked before the latest plan is published."""
    plans = "SELECT unusual FROM nexus_import.plan WHERE run_id = %s ORDER BY plan_id DESC LIMIT 1"
    reasons: list[str] = run.installation.value(plans, run.run_id)
    return reasons


def unlink_documents(clinic: Clinic, count: int) -> list[tuple[str, str]]:
    """Let no evidence tell whose these documents are."""
    rows = [clinic.pick_row("public.documents_document", "s3_key LIKE 'documents/%%'") for _ in range(count)]
    clinic.change_live(
        "UPDATE documents_document SET content_type_id = NULL, object_id = NULL WHERE id = ANY(%s)", rows
    )
    return sorted(("document", row) for row in rows)


def test_clinic_without_clinicians_on_its_appointments_may_go_on_in_writing(
    copy_run: CopyRun, write_policy: Callable[..., Any]
) -> None:
    write_policy(severity=dict.fromkeys(CLINICIAN_CHECKS, "warn"))
    with copy_run(mode="rehearse") as run:
        clinic = Clinic(run.installation)
        named = sorted(("appointment", clinic.edit("API_Appointments", {"clinician_name": ""})) for _ in range(3))
        observed = go_and_observe(run.clear(READ_AGAIN))
        assert run.is_green
        for check in CLINICIAN_CHECKS:
            assert observed.found[check] == named
            assert (observed.checks[check].severity, observed.checks[check].is_passed) == ("warn", True)
        expect_relaxations(observed, dict.fromkeys(CLINICIAN_CHECKS, ("severity", 3, None)))


def expect_relaxations(observed: Observed, expected: dict[str, tuple[str, int, int | None]]) -> None:
    """Assert that the journal, the log, the report and the question about the plan name these, and no other."""
    run = observed.run
    journal = run.installation.rows(
        "SELECT check_id, what, finding_count, allowed_count FROM nexus_import.relaxation WHERE run_id = %s", run.run_id
    )
    assert {check: rest for check, *rest in journal} == {check: list(rest) for check, rest in expected.items()}
    s3 = run.installation.s3()
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"nexus-import/reports/{run.run_id}/")["Contents"]
    newest = max(entry["Key"] for entry in listed if entry["Key"].endswith("/report.html"))
    page = s3.get_object(Bucket=BUCKET, Key=newest)["Body"].read().decode()
    assert ("What the policy let pass" in page) is bool(expected)
    asked = [reason for reason in unusual(run) if "the policy" in reason]
    assert len(asked) == len(expected)
    for check, (what, found, allowed) in expected.items():
        sentence = Relaxation(check, what, found, allowed).sentence()  # type: ignore[arg-type]
        assert sentence in asked
        phase = check.split("/")[0].replace("phase_", "Phase ")
        assert [line.level for line in observed.log if line.text == f"{phase}: Relaxed: {sentence}"] == [WARNING]
        assert f'<tr><th scope="row">{check}</th>' in page


def test_policy_that_allows_more_than_is_found_is_not_spoken_of(
    copy_run: CopyRun, write_policy: Callable[..., Any]
) -> None:
    write_policy(severity={"phase_3/patients_have_clinic": "warn"}, allowances={"phase_4/appointments_have_clinic": 40})
    with copy_run(mode="rehearse") as run:
        observed = go_and_observe(run)
        assert run.is_green
        expect_relaxations(observed, {})


def test_allowance_of_a_check_that_is_no_file(copy_run: CopyRun, write_policy: Callable[..., Any]) -> None:
    check = "phase_0/values_are_readable"
    write_policy(allowances={check: 1})
    with copy_run(mode="rehearse") as run:
        clinic = Clinic(run.installation)
        record = clinic.edit("API_Contacts", {"nameMiddle": "x" * 101})
        observed = go_and_observe(run.clear(READ_AGAIN))
        assert run.is_green
        expect_relaxations(observed, {check: ("allowance", 1, 1)})
        # what was mended before the run was cleared is no longer made use of
        clinic.mend("API_Contacts", record)
        expect_relaxations(go_and_observe(run.clear(READ_AGAIN)), {})


def test_word_on_a_check_holds_where_phase_8_repeats_it(copy_run: CopyRun, write_policy: Callable[..., Any]) -> None:
    write_policy(
        severity={"phase_4/appointments_have_clinic": "warn"},
        allowances={"phase_4/appointments_have_type": 5, "phase_8/appointments_have_type": 0},
    )
    with copy_run(mode="rehearse") as run:
        run.go(until="phase_4_appointments.import_appointments")
        Clinic(run.installation).change_copy(
            "UPDATE nexus_work.appointments SET clinic_id = NULL, appointment_type_id = NULL"
            " WHERE id = (SELECT min(id::text)::uuid FROM nexus_work.appointments WHERE filemaker_event_id IS NOT NULL)"
        )
        observed = go_and_observe(run)
        assert run.results["phase_4_appointments.gate"] is True
        assert run.results["phase_8_validate.gate"] is False
        failed = {check for check, outcome in observed.checks.items() if not outcome.is_passed}
        assert failed == {"phase_8/appointments_have_type"}
        assert observed.checks["phase_8/appointments_have_clinic"].severity == "warn"


def test_warning_that_the_policy_makes_a_stop(copy_run: CopyRun, write_policy: Callable[..., Any]) -> None:
    check = "phase_6/document_evidence_agrees"
    write_policy(severity={check: "stop"})
    with copy_run() as run:
        observed = go_and_observe(run)
        kinds = run.installation.truth["document_kinds"]
        assert run.results["phase_6_documents.gate"] is False
        assert not run.is_green
        assert observed.found[check] == sorted(("document", row) for row, kind in kinds.items() if kind == "wrong_link")
        assert observed.checks[check].severity == "stop"
        assert observed.is_live_unchanged


def test_files_without_a_patient_up_to_what_the_policy_allows(
    copy_run: CopyRun, write_policy: Callable[..., Any]
) -> None:
    check = "phase_6/documents_have_patient"
    with copy_run(mode="rehearse") as run:
        documents = unlink_documents(Clinic(run.installation), 2)
        write_policy(allowances={check: 1})
        observed = go_and_observe(run)
        assert run.results["phase_6_documents.gate"] is False
        assert observed.found[check] == documents
        assert observed.is_live_unchanged

        write_policy(allowances={check: 2})
        observed = go_and_observe(run.clear("phase_6_documents.relink_documents"))
        assert run.is_green
        assert observed.found[check] == documents
        assert observed.checks[check].is_passed
        in_phase_8 = "phase_8/documents_have_patient"
        expect_relaxations(observed, {check: ("allowance", 2, 2), in_phase_8: ("allowance", 2, 2)})


def test_files_whose_patient_cannot_be_told_are_counted_by_reason(
    copy_run: CopyRun, write_policy: Callable[..., Any]
) -> None:
    write_policy(allowances={"phase_6/documents_have_patient": 10, "phase_7/batches_have_patient": 10})
    with copy_run(mode="rehearse") as run:
        clinic = Clinic(run.installation)
        why = break_documents(clinic) | break_batches(clinic)
        run.clear(READ_AGAIN).go(until="phase_7_images.gate")
        found = run.installation.rows(
            "SELECT nexus_id::text, detail FROM nexus_import.finding WHERE run_id = %s AND check_id = ANY(%s)",
            *(run.run_id, ["phase_6/documents_have_patient", "phase_7/batches_have_patient"]),
        )
        assert dict(found) == why
        sentence = run.installation.value(
            "SELECT sentence FROM nexus_import.check_result WHERE run_id = %s"
            " AND check_id = 'phase_6/documents_have_patient'",
            run.run_id,
        )
        assert "2: nothing says whose it is; 1: " in sentence


def break_documents(clinic: Clinic) -> dict[str, str]:
    """Let documents lose their patient in every way; return why each cannot be told, by row."""
    rows = [row for _, row in unlink_documents(clinic, 2)]
    rows += [clinic.clone_row("public.documents_document", row) for row in rows]
    clinic.change_live("UPDATE documents_document SET object_id = %s WHERE id = %s", uuid.uuid4(), rows[0])
    clinic.change_live(
        'UPDATE documents_document SET filemaker_metadata = \'{"filemaker_patient_id": "X"}\' WHERE id = %s', rows[1]
    )
    imported = []
    for patient in ("", str(uuid.uuid4())):
        record, row = clinic.row_of("public.documents_document", "API_Docs", "filemaker_metadata IS NULL")
        clinic.installation.simulator.control.edit_record("API_Docs", record, {"patient_id": patient})
        clinic.change_live(
            "UPDATE documents_document SET content_type_id = NULL, object_id = NULL, s3_key = 'documents/' || id"
            " WHERE id = %s",
            row,
        )
        imported.append(row)
    return {
        rows[0]: "linked to a patient that does not exist",
        rows[1]: "its own FileMaker patient id belongs to no patient",
        rows[2]: "nothing says whose it is",
        rows[3]: "nothing says whose it is",
        imported[0]: "FileMaker's record names no patient",
        imported[1]: "FileMaker's record names a patient that is not there",
    }


def break_batches(clinic: Clinic) -> dict[str, str]:
    """Let image batches lose their patient in every way; return why each cannot be told, by row."""
    empty = clinic.clone_row(
        "public.images_batch",
        clinic.pick_row("public.images_batch", "name NOT LIKE '%%FileMaker%%'"),
        object_id=str(uuid.uuid4()),
        metadata=None,
    )
    uploaded = clinic.pick_row("public.images_batch", "name NOT LIKE '%%FileMaker%%' AND metadata IS NULL")
    imported = clinic.pick_row(
        "public.images_batch",
        "name LIKE '%%FileMaker%%' AND metadata IS NULL"
        " AND EXISTS (SELECT FROM images_image AS image WHERE image.batch_id = t.id)",
    )
    for record in images_of(clinic, "public", imported):
        clinic.installation.simulator.control.edit_record("API_Images", record, {"patient_id": ""})
    for batch in (uploaded, imported):
        clinic.change_live("UPDATE images_batch SET object_id = %s WHERE id = %s", uuid.uuid4(), batch)
    clinic.change_live("UPDATE images_image SET s3_key = 'images/' || id WHERE batch_id = %s", uploaded)
    return {
        empty: "linked to a patient that does not exist, and without images",
        uploaded: "linked to a patient that does not exist, and FileMaker has no record of its images",
        imported: "FileMaker's records of its images name no patient that is there",
    }
