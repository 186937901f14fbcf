"""What counts as a relaxation: the policy is milder than the check, and something was found under it."""

from __future__ import annotations

import pytest
from nexus_import.core.relaxation import Relaxation
from nexus_import.nexus.checks import CheckResult, Finding

CHECK = "phase_4/appointments_have_clinic"


@pytest.mark.parametrize(
    ("found", "severity", "allowed", "own_severity", "used", "is_passed"),
    [
        (0, "warn", 0, "stop", None, True),
        (0, "stop", 5, "stop", None, True),
        (3, "warn", 0, "stop", Relaxation(CHECK, "severity", 3), True),
        (3, "warn", 0, "warn", None, True),
        (3, "stop", 3, "stop", Relaxation(CHECK, "allowance", 3, 3), True),
        (4, "stop", 3, "stop", None, False),
        (1, "stop", 0, "stop", None, False),
        # what the policy makes stricter and then allows in part is no milder than the check itself
        (3, "stop", 3, "warn", None, True),
        (9, "warn", 3, "stop", Relaxation(CHECK, "severity", 9), True),
    ],
)
def test_relaxation_is_what_let_the_run_pass(
    found: int, severity: str, allowed: int, own_severity: str, used: Relaxation | None, is_passed: bool
) -> None:
    findings = [Finding("appointment", str(number)) for number in range(found)]
    result = CheckResult(CHECK, "title", severity, "todo", findings, [], allowed, own_severity)
    assert result.relaxation == used
    assert result.is_passed is is_passed


def test_relaxation_says_where_it_was_decided() -> None:
    assert Relaxation(CHECK, "allowance", 3, 4).decided_by == "include/policy.yaml: allowances"
    assert Relaxation(CHECK, "severity", 3).decided_by == "include/policy.yaml: severity"
