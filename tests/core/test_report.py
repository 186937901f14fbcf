"""The report page: the run's words and counts, and nothing that a browser would run or fetch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from nexus_import.core.balance import EntityBalance
from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.plan_summary import FateCount, PlanSummary, TableSummary
from nexus_import.core.relaxation import Relaxation
from nexus_import.core.report import CheckLine, Report, StepLine, render

START = datetime(2026, 3, 7, 14, tzinfo=UTC)
HOSTILE = "<script>alert('1')</script>\" onload=\"x"
REPORT = Report(
    run_id="manual__1",
    headline="Published and verified",
    is_green=True,
    started_at=START,
    written_at=START + timedelta(minutes=2, seconds=5),
    triggered_by="admin",
    parameters={"mode": "publish", "approval": "when_unusual"},
    steps=[StepLine("import_patients", "phase_3_patients.import_patients", START, 4.06, True, 2842, 0)],
    checks=[
        CheckLine("phase_3/a", "Patients have a clinic", "stop", 0, True, ""),
        CheckLine("phase_3/b", "Surplus copies", "warn", 3, True, "3 break the rule"),
        CheckLine("phase_3/c", "No duplicates", "stop", 1234, False, "1,234 break it", FindingCounts(0, 1234, 1040)),
    ],
    plan=PlanSummary(
        [TableSummary("patients", 1042, 7, 0, 1800, {"title": 7}, {"title": 2}), TableSummary("notes", 0, 0, 0, 8)],
        [FateCount("patients", "kept", "vanished", 5)],
    ),
    backups=[{"manifest_key": "backups/1/manifest.json", "table_count": 45, "row_count": 70123, "byte_count": 99}],
    findings=FindingCounts(3, 1234, 40),
    relaxations=[
        Relaxation("phase_4/appointments_have_clinic", "allowance", 38, 40),
        Relaxation("phase_0/appointments_have_clinician_name", "severity", 15149),
    ],
    balances=[
        EntityBalance("appointments", 15149, 9835, 1, 1, {"out of scope by the rule x": 5311}, {"no FileMaker id": 1}),
        EntityBalance("letters", 3, 1, 0, 1),
    ],
)


def test_page_shows_verdict_plan_checks_steps_and_backups() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render(REPORT)))
    assert "Published and verified" in text
    assert "by admin (mode publish, approval when_unusual), total time 2 min 05 s" in text
    assert "patients 1,042 7 0 1,800 title 7 changed by staff, and going with this plan: title 2" in text
    assert "notes" not in text
    assert "patients gone from FileMaker kept 5" in text
    assert "✓ Patients have a clinic 0" in text
    assert "! Surplus copies 3" in text
    assert "✗ No duplicates 1,234" in text
    assert "✓ phase_3_patients.import_patients 2,842 0 4.1 s" in text
    assert "backups/1/manifest.json 45 70,123 99" in text


def test_page_shows_the_balance_what_was_let_pass_and_what_became_of_the_last_findings() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render(REPORT)))
    assert "appointments 15,149 9,835 1 1 out of scope by the rule x: 5,311 no FileMaker id: 1 0" in text
    assert "letters 3 1 0 1 0 0 1" in text
    assert "phase_4/appointments_have_clinic 38 40 include/policy.yaml: allowances" in text
    assert "phase_0/appointments_have_clinician_name 15,149 any number, as a warning include/policy.yaml" in text
    assert "1,237 findings: 1,234 still open, 3 new; 40 of the last run are fixed" in text
    assert "✗ No duplicates 1,234 1,040 1,234 break it" in text


def test_page_of_a_run_that_stopped_early_says_so() -> None:
    page = render(Report("r", "Stopped", False, START, START, "admin", {}))
    assert "No plan was made" in page
    assert "No check has run" in page
    assert "var(--bad)" in page
    assert "var(--good)" not in page


def test_every_value_is_escaped() -> None:
    page = render(
        Report(
            HOSTILE,
            HOSTILE,
            True,
            START,
            START,
            HOSTILE,
            {HOSTILE: HOSTILE},
            [StepLine(HOSTILE, HOSTILE, START, 1, True, 1, 1)],
            [CheckLine(HOSTILE, HOSTILE, HOSTILE, 1, True, HOSTILE)],
            PlanSummary(
                [TableSummary(HOSTILE, 1, 1, 1, 1, {HOSTILE: 1}, {HOSTILE: 1})],
                [FateCount(HOSTILE, "kept", "vanished", 1)],
            ),
            [{"manifest_key": HOSTILE, "table_count": 1, "row_count": 1, "byte_count": 1}],
            relaxations=[Relaxation(HOSTILE, "severity", 1)],
            balances=[EntityBalance(HOSTILE, 1, skipped={HOSTILE: 1}, rejected={HOSTILE: 1})],
        )
    )
    assert "<script" not in page
    assert '" onload=' not in page
    assert page.count("&lt;script&gt;") >= 14


def test_page_fetches_nothing() -> None:
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", render(REPORT))
