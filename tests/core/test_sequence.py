"""The order of the import: the first step that does not hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from nexus_import.core.sequence import PLAN, SEQUENCE, Step, first_gap

NAMES = [step.name for step in (*SEQUENCE, PLAN)]


def passed_in_order() -> dict[str, Step]:
    return {name: Step(number, passed=True) for number, name in enumerate(NAMES, 1)}


def test_complete_run_has_no_gap() -> None:
    assert first_gap(passed_in_order()) is None


@pytest.mark.parametrize("name", NAMES)
def test_missing_step_is_named_with_the_task_to_clear(name: str) -> None:
    steps = passed_in_order()
    del steps[name]
    gap = first_gap(steps)
    assert gap is not None
    assert (gap.step.name, gap.reason) == (name, "has not run")
    assert gap.step.clear


@pytest.mark.parametrize("name", NAMES)
def test_failed_step_is_named(name: str) -> None:
    steps = passed_in_order()
    steps[name] = Step(steps[name].step_id, passed=False)
    gap = first_gap(steps)
    assert gap is not None
    assert (gap.step.name, gap.reason) == (name, "did not pass")


@pytest.mark.parametrize(("name", "next_name"), list(pairwise(NAMES)))
def test_step_that_ran_again_outdates_the_next(name: str, next_name: str) -> None:
    steps = passed_in_order()
    steps[name] = Step(1000, passed=True)
    gap = first_gap(steps)
    assert gap is not None
    assert (gap.step.name, gap.reason) == (next_name, "ran before a step that ran again later")


def test_only_the_steps_before_a_gate_are_its_matter() -> None:
    steps = {name: step for name, step in passed_in_order().items() if name in NAMES[: NAMES.index("gate_3")]}
    assert first_gap(steps, before="gate_3") is None
    gap = first_gap(steps)
    assert gap is not None
    assert gap.step.name == "gate_3"
    del steps["check_3"]
    gap = first_gap(steps, before="gate_3")
    assert gap is not None
    assert gap.step.name == "check_3"


def test_the_plan_looks_at_everything_but_itself() -> None:
    steps = passed_in_order()
    del steps["plan"]
    assert first_gap(steps, before="plan") is None
    del steps["gate_8"]
    gap = first_gap(steps, before="plan")
    assert gap is not None
    assert gap.step.name == "gate_8"
