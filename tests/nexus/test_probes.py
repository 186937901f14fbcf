"""Live Nexus asked after the publish what phase 8 asked the working copy: what is found, and what is staff's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nexus_import.nexus.checks import known_checks, probe_ids

from tests.nexus.quick_run import LAST_TASK, QuickRun, QuickRuns
from tests.sql.observed import listening
from tests.support.copies import own_include

GATE_8 = "phase_8_validate.gate"
VERIFY = "publish.verify_live"
PATIENT = (
    "SELECT patient.id::text FROM nexus_work.patients AS patient JOIN nexus_work.identity AS known ON known.entity ="
    " 'patient' AND known.nexus_id = patient.id WHERE NOT archived AND health_number <> '' AND clinic_id IS NOT NULL"
    " AND funding_type_id IS NOT NULL ORDER BY patient.id LIMIT 1"
)
APPOINTMENT = (
    "SELECT id::text FROM nexus_work.appointments WHERE patient_id IS NOT NULL AND filemaker_event_id IS NOT NULL"
    " ORDER BY id LIMIT 1"
)
DOCUMENT = (
    "SELECT document.id::text FROM nexus_work.documents_document AS document JOIN nexus_staging.document AS record"
    " ON lower(document.filemaker_id::text) = record.filemaker_id JOIN nexus_work.patients AS patient"
    " ON patient.id = document.object_id WHERE document.is_active ORDER BY document.id LIMIT 1"
)
BATCH = (
    "SELECT image.batch_id::text FROM nexus_work.images_image AS image JOIN nexus_staging.image AS record"
    " ON image.s3_key LIKE 'filemaker-import/images-bulk-dump/' || record.record_number || '.%%'"
    " ORDER BY image.id LIMIT 1"
)
NOT_A_PATIENT = "content_type_id = (SELECT id FROM public.django_content_type WHERE model = 'coordinator')"
BROKEN = {
    "open_patient_shows_info": ("patients", PATIENT, "dob = dob + 1"),
    "search_finds_patient": ("patients", PATIENT, "health_number = NULL"),
    "filter_by_clinic_works": ("patients", PATIENT, "clinic_id = NULL"),
    "filter_by_funding_works": ("patients", PATIENT, "funding_type_id = NULL"),
    "calendar_shows_appointments": ("appointments", APPOINTMENT, "end_time = NULL"),
    "open_patient_shows_documents": ("documents_document", DOCUMENT, NOT_A_PATIENT),
    "open_patient_shows_images": ("images_batch", BATCH, NOT_A_PATIENT),
}
"""By probe: the table, the query for the row, and the change that makes the probe find something."""


def probe_findings(run: QuickRun) -> dict[str, list[str]]:
    """Return the rows that each probe found, of those that found any."""
    rows = run.installation.rows(
        "SELECT check_id, array_agg(nexus_id::text ORDER BY nexus_id) FROM nexus_import.finding"
        " WHERE run_id = %s AND check_id = ANY(%s) GROUP BY 1",
        run.run_id,
        list(probe_ids()),
    )
    return {check_id.partition("/")[2]: ids for check_id, ids in rows}


def change(run: QuickRun, schema: str, probe: str) -> str:
    """Break the row behind a probe, in the working copy or in live Nexus; return its id."""
    table, query, setting = BROKEN[probe]
    row_id = str(run.installation.value(query))
    role = run.installation.owner if schema == "public" else run.installation.importer
    with role() as connection:
        connection.execute(f"UPDATE {schema}.{table} SET {setting} WHERE id = %s".encode(), (row_id,))
    return row_id


def test_probes_are_those_of_the_sequence_and_the_policy_knows_them() -> None:
    assert set(probe_ids()) == {f"publish/{name}" for name in BROKEN}
    assert set(probe_ids()) <= known_checks()


def test_published_run_answers_every_probe(quick_run: QuickRuns) -> None:
    run = quick_run().go(until=LAST_TASK)
    assert run.errors == {}
    results = run.installation.rows(
        "SELECT check_id, severity, finding_count FROM nexus_import.check_result WHERE run_id = %s"
        " AND check_id = ANY(%s)",
        run.run_id,
        list(probe_ids()),
    )
    assert sorted(results) == sorted((check_id, "warn", 0) for check_id in probe_ids())
    assert run.results[VERIFY]["probe_findings_count"] == 0


@pytest.fixture
def past_gate_8(next_run: Callable[..., QuickRun]) -> QuickRun:
    """A run whose working copy was found good and is not yet planned."""
    run = next_run()
    run.go(until=GATE_8)
    return run


def test_what_the_publish_itself_brought_is_found_with_its_ids(past_gate_8: QuickRun) -> None:
    run = past_gate_8
    broken = {probe: change(run, "nexus_work", probe) for probe in BROKEN}
    with listening() as log:
        run.answer = "Approve"
        run.go(until=LAST_TASK)
    assert run.errors == {}
    found = probe_findings(run)
    images = run.installation.rows(
        "SELECT id::text FROM images_image WHERE batch_id = %s", broken.pop("open_patient_shows_images")
    )
    assert set(found.pop("open_patient_shows_images")) == {image for (image,) in images}
    assert {probe: set(rows) for probe, rows in found.items()} == {probe: {row} for probe, row in broken.items()}
    warnings = [line.text for line in log if "publish/calendar_shows_appointments" in line.text]
    assert any(broken["calendar_shows_appointments"] in line for line in warnings)
    assert run.results[VERIFY]["probe_findings_count"] > len(broken)


def test_what_staff_wrote_since_is_theirs(past_gate_8: QuickRun) -> None:
    run = past_gate_8
    run.answer = "Approve"
    run.go(until="publish.publish_plan")
    for probe in BROKEN:
        change(run, "public", probe)
    with listening() as log:
        run.go(until=LAST_TASK)
    assert run.errors == {}
    assert probe_findings(run) == {}
    assert any("about rows that others wrote since" in line.text for line in log)


def test_working_copy_of_another_run_is_not_asked(next_run: Callable[..., QuickRun]) -> None:
    first = next_run().go(until=LAST_TASK)
    second = next_run().go(until="phase_1_preserve.copy_tables")
    assert second.errors == {}
    with listening() as log:
        first.clear(VERIFY, downstream=False).go(until=VERIFY)
    assert first.errors == {}
    assert any("are no longer this run's" in line.text for line in log)


def test_phase_that_ran_again_since_is_not_asked(next_run: Callable[..., QuickRun]) -> None:
    run = next_run().go(until=LAST_TASK)
    run.clear("phase_3_patients.import_patients", downstream=False).go(until="phase_3_patients.import_patients")
    with listening() as log:
        run.clear(VERIFY, downstream=False).go(until=VERIFY)
    assert run.errors == {}
    assert any("are no longer this run's" in line.text for line in log)


def test_policy_may_make_a_probe_stop(past_gate_8: QuickRun, tmp_path: Path) -> None:
    run = past_gate_8
    row_id = change(run, "nexus_work", "calendar_shows_appointments")
    run.answer = "Approve"
    with own_include(tmp_path, severity={"publish/calendar_shows_appointments": "stop"}):
        run.go(until=LAST_TASK)
    assert "Published but unverified" in str(run.errors[VERIFY])
    assert row_id in str(run.errors[VERIFY])
