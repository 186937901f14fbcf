"""The phases of a report, and the pictures made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nexus_import.core.balance import EntityBalance
from nexus_import.core.charts import FLOW_WIDTH, PHASE_WIDTH, SMALLEST, flows, phase_bars
from nexus_import.core.report_phases import StepLine, TaskNow, phase_lines, phase_of

START = datetime(2026, 3, 7, 14, tzinfo=UTC)


def step(name: str, task_id: str, ended: float, seconds: float, *, passed: bool = True, records: int = 1) -> StepLine:
    return StepLine(name, task_id, START + timedelta(seconds=ended), seconds, passed, records, 0)


def states(*steps: StepLine, tasks: tuple[TaskNow, ...] = (), has_ended: bool = False) -> dict[str, str]:
    return {line.group: line.state for line in phase_lines(steps, tasks, has_ended=has_ended)}


def test_time_of_steps_side_by_side_counts_once_and_of_an_earlier_try_not_at_all() -> None:
    lines = phase_lines(
        [
            step("stage", "phase_0_validate.stage", 500, 300),
            step("back_up", "phase_0_validate.back_up", 10, 10),
            step("stage", "phase_0_validate.stage", 14, 8),
        ]
    )
    phase = next(line for line in lines if line.group == "phase_0_validate")
    assert (phase.seconds, phase.earlier_count) == (14, 1)


def test_each_phase_has_the_state_that_a_person_would_say() -> None:
    passed = step("preserve", "phase_1_preserve.copy_tables", 1, 1)
    gate = step("gate_2", "phase_2_delete.gate", 2, 1, passed=False)
    notes = step("find_records", "phase_5_notes.find_records", 3, 1, records=0)
    found = states(passed, gate, notes, tasks=(TaskNow("phase_7_images.check", "running"),))
    assert found["start"] == "passed"
    assert found["phase_1_preserve"] == "passed"
    assert found["phase_2_delete"] == "stopped"
    assert found["phase_5_notes"] == "skipped"
    assert found["phase_7_images"] == "running"
    assert found["phase_8_validate"] == "waiting"
    assert states(passed, has_ended=True)["publish"] == "missed"
    assert states(tasks=(TaskNow("publish.approve_plan", "awaiting_input"),))["publish"] == "asking"
    assert states(tasks=(TaskNow("phase_3_patients.x", "failed"),))["phase_3_patients"] == "stopped"
    assert states(tasks=(TaskNow("end.outcome", "failed"),), has_ended=True)["end"] == "passed"


def test_checks_and_tasks_stand_under_the_words_of_the_sequence() -> None:
    assert phase_of("phase_3/patients_have_clinic") == "Phase 3: Import Patients"
    assert phase_of("phase_3_patients.import_patients") == "Phase 3: Import Patients"
    assert phase_of("publish/live_is_as_planned") == "Publish: the look at live Nexus"
    assert phase_of("elsewhere/x") == "elsewhere"


def test_what_is_not_nothing_is_seen_and_nothing_runs_out_of_the_picture() -> None:
    drawn = flows(
        [EntityBalance("documents", 10_000, 1, 0, 9_999), EntityBalance("letters", 1, 1), EntityBalance("none", 0)]
    )
    assert [flow.label for flow in drawn] == ["documents", "letters"]
    assert drawn[0].parts[0].width == SMALLEST
    assert all(flow.width <= FLOW_WIDTH + SMALLEST for flow in drawn)
    bars = phase_bars(phase_lines([step("a", "phase_1_preserve.a", 100, 100), step("b", "end.b", 9999, 0.01)]))
    assert all(x >= 0 and x + width <= PHASE_WIDTH for x, width in bars.values())
    assert bars["end"][1] == SMALLEST
