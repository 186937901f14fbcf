"""Records that a rule of the mapping puts out of scope: skipped and counted, or imported as clinic events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.nexus.lost_rows import fates, planned
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRuns
from tests.support.copies import own_include
from tests.support.installation import Installation

PLAN = "publish.make_plan"
SKIP = {"without_a_patient": {"field": "patient_id", "empty": True, "then": "skip"}}
IMPORT = {"without_a_patient": {"field": "patient_id", "empty": True, "then": "import"}}
BARE = {"patient_id": "", "clinic_name": "", "clinician_name": "", "appointment_type": ""}
BALANCE = (
    "SELECT reason, record_count FROM nexus_import.balance WHERE run_id = %s AND entity = %s AND what = %s ORDER BY 1"
)


@contextmanager
def rules(directory: Path, entity: str, out_of_scope: dict[str, Any]) -> Iterator[None]:
    """Let the entity's mapping have these rules; a plan may add as much as it likes without a question."""
    with own_include(directory, thresholds={"added_percent": 100}) as folder:
        path = folder / "mapping" / f"{entity}.yaml"
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump(mapping | {"out_of_scope": out_of_scope}, sort_keys=False), encoding="utf-8")
        yield


def test_skipped_records_are_counted_by_rule_and_fail_nothing(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    model = filemaker.ids("appointment")[0]
    for changes in (BARE, BARE | {"startDate": "31/02/2024", "endDate": "?"}, {"patient_id": " ", "id": ""}):
        filemaker.add_like("appointment", model, **changes)
    with rules(tmp_path, "appointment", SKIP):
        run = next_run(mode="rehearse").go(until=PLAN)
    assert run.errors == {}
    assert planned(run, "add") == planned(run, "change") == planned(run, "remove") == {}
    skipped = [("out of scope by the rule without_a_patient", 3)]
    assert imported.rows(BALANCE, run.run_id, "appointment", "skipped") == skipped
    assert imported.rows(BALANCE, run.run_id, "appointment", "rejected") == []
    found = (
        "SELECT check_id FROM nexus_import.finding WHERE run_id = %s AND entity = 'appointment' AND severity = 'stop'"
    )
    assert imported.rows(found, run.run_id) == []


def test_row_that_nexus_has_of_a_skipped_record_stays_as_it_is(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    key = filemaker.ids("appointment")[0]
    row = imported.value("SELECT id::text FROM appointments WHERE filemaker_event_id = %s", key)
    filemaker.fields("appointment", key).update(BARE)
    with rules(tmp_path, "appointment", SKIP):
        run = next_run(mode="rehearse").go(until=PLAN)
    assert run.errors == {}
    assert fates(run, "appointments")[row] == ("kept", "unusable", "a rule of the mapping skips its FileMaker record")
    assert planned(run, "change") == planned(run, "remove") == {}


def test_records_out_of_scope_can_be_imported_as_clinic_events(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    key = filemaker.add_like("appointment", filemaker.ids("appointment")[0], **BARE)
    with rules(tmp_path, "appointment", IMPORT):
        run = next_run().go(until=LAST_TASK)
        assert run.errors == {}
        event = "SELECT patient_id, clinic_id, end_time IS NOT NULL FROM appointments WHERE filemaker_event_id = %s"
        assert imported.rows(event, key) == [(None, None, True)]
        assert imported.rows(BALANCE, run.run_id, "appointment", "created") == [("", 1)]
        again = next_run(mode="rehearse").go(until=PLAN)
        assert again.results[PLAN]["added_count"] == again.results[PLAN]["changed_count"] == 0


def test_name_that_nexus_lacks_is_found_in_an_event_too(
    filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    """A clinic event need not have a clinic; one that it names must be there, or it would be lost in silence."""
    filemaker.add_like("appointment", filemaker.ids("appointment")[0], **BARE | {"clinic_name": "Newcasle"})
    with rules(tmp_path, "appointment", IMPORT):
        run = next_run(mode="rehearse").go(until="phase_0_validate.gate")
    assert run.results["phase_0_validate.gate"] is False
    assert len(run.findings("phase_0/clinic_names_exist")) == 1


def test_appointments_within_scope_must_still_have_everything(
    filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    model = filemaker.ids("appointment")[0]
    filemaker.add_like("appointment", model, clinician_name="")
    filemaker.add_like("appointment", model, **BARE)
    with rules(tmp_path, "appointment", IMPORT):
        run = next_run(mode="rehearse").go(until="phase_0_validate.gate")
    assert run.results["phase_0_validate.gate"] is False
    assert len(run.findings("phase_0/appointments_have_clinician_name")) == 1


@pytest.mark.parametrize("entity", ["note", "letter", "reminder"])
def test_what_belongs_to_nobody_can_be_skipped_too(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path, entity: str
) -> None:
    filemaker.add_like(entity, filemaker.ids(entity)[0], patient_id="")
    with rules(tmp_path, entity, SKIP):
        run = next_run(mode="rehearse").go(until=PLAN)
    assert run.errors == {}
    skipped = [("out of scope by the rule without_a_patient", 1)]
    assert imported.rows(BALANCE, run.run_id, entity, "skipped") == skipped


def test_log_counts_the_records_of_each_rule(copy_run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copy_run(mode="rehearse") as run, rules(tmp_path, "appointment", SKIP), caplog.at_level(logging.INFO):
        run.clear("phase_0_validate.stage_records").go(until="phase_0_validate.stage_records")
        assert run.results["phase_0_validate.stage_records"]["appointment_without_a_patient_count"] == 0
    says = "Phase 0: 0 appointments are out of scope by the rule without_a_patient: skipped"
    assert says in [record.getMessage() for record in caplog.records]
