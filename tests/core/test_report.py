"""The report page: the run's words and counts, and nothing that a browser would run or fetch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from nexus_import.core.balance import EntityBalance
from nexus_import.core.charts import RunLine
from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.headline import Headline
from nexus_import.core.plan_summary import FateCount, PlanSummary, TableSummary
from nexus_import.core.relaxation import Relaxation
from nexus_import.core.report import AttemptLine, BackupLine, CheckLine, Report, byte_size, render
from nexus_import.core.report_phases import StepLine, phase_lines

START = datetime(2026, 3, 7, 14, tzinfo=UTC)
HOSTILE = "<script>alert('1')</script>\" onload=\"x"
PUBLISHED = Headline("good", "Published", "Published and verified.", "Nothing is left to do.")
REPORT = Report(
    run_id="manual__1",
    headline=PUBLISHED,
    is_green=True,
    started_at=START,
    written_at=START + timedelta(minutes=2, seconds=5),
    triggered_by="admin",
    parameters={"mode": "publish", "approval": "when_unusual"},
    phases=phase_lines([StepLine("import_patients", "phase_3_patients.import_patients", START, 4.06, True, 2842, 0)]),
    checks=[
        CheckLine("phase_3/a", "Patients have a clinic", "stop", 0, True, ""),
        CheckLine("phase_3/b", "Surplus copies", "warn", 3, True, "3 break the rule"),
        CheckLine("phase_3/c", "No duplicates", "stop", 1234, False, "1,234 break it", FindingCounts(0, 1234, 1040)),
    ],
    plan=PlanSummary(
        [TableSummary("patients", 1042, 7, 0, 1800, {"title": 7}, {"title": 2}), TableSummary("notes", 0, 0, 0, 8)],
        [FateCount("patients", "kept", "vanished", 5)],
    ),
    is_published=True,
    backups=[BackupLine("backups/1/manifest.json", "ab" * 32, START, 45, 70123, 99_000)],
    findings=FindingCounts(3, 1234, 40),
    relaxations=[
        Relaxation("phase_4/appointments_have_clinic", "allowance", 38, 40),
        Relaxation("phase_0/appointments_have_clinician_name", "severity", 15149),
    ],
    balances=[
        EntityBalance("appointments", 15149, 9835, 1, 1, {"out of scope by the rule x": 5311}, {"no FileMaker id": 1}),
        EntityBalance("letters", 3, 1, 0, 1),
    ],
    runs=[
        RunLine("manual__0", START - timedelta(days=1), "rehearsed", "rehearse", "admin", 61.0, 1274, 1049),
        RunLine("manual__1", START, "published", "publish", "admin", 4.1, 1237, 1049),
    ],
    attempts=[AttemptLine(START, "admin", "started the run (manual)", "allowed")],
)


def text_of(page: str) -> str:
    """Return what a person reads."""
    body = re.sub(r"<(style|script|svg)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r" (?=[,:.])", "", re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def test_page_says_first_how_the_run_stands_and_then_what_it_did() -> None:
    text = text_of(render(REPORT))
    assert text.index("Published and verified") < text.index("From FileMaker to live Nexus") < text.index("Checks")
    assert "by admin, mode publish, approval when_unusual" in text
    assert "patients 1,042 7 0 1,800" in text
    assert "2 values of patients.title that staff changed went" in text
    assert "notes" not in text
    assert "patients gone from FileMaker kept 5" in text
    assert "Phase 3: Import Patients ✓ passed 4.1 s 2,842 0" in text
    assert "backups/1/manifest.json 45 70,123 99.0 kB abababababab…" in text


def test_checks_are_grouped_by_phase_and_the_failed_ones_come_first() -> None:
    text = text_of(render(REPORT))
    assert "3 checks, 1 failed" in text
    assert "✗ Phase 3: Import Patients 2 of 3 passed, 1 with findings" in text
    failed, noted, passed = (
        text.index(words) for words in ("✗ failed No dup", "! passed, with findings S", "✓ passed Pat")
    )
    assert failed < noted < passed
    assert "1,237 findings: 1,234 still open, 3 new; 40 of the last run are fixed" in text
    assert "No duplicates phase_3/c what to do 1,234 break it 1,234 1,040" in text


def test_page_shows_the_flow_what_was_let_pass_and_the_runs_before() -> None:
    text = text_of(render(REPORT))
    assert "appointments → live: 9,837 15,149 read · 9,835 created · 1 updated · 1 unchanged · 5,311 skipped" in text
    assert "5,311: out of scope by the rule x" in text
    assert "letters → live: 2 3 read" in text
    assert "1 unexplained" in text
    assert "phase_4/appointments_have_clinic 38 40 include/policy.yaml: allowances" in text
    assert "phase_0/appointments_have_clinician_name 15,149 any number, as a warning include/policy.yaml" in text
    assert "rehearsed 1 min 01 s 1,274 1,049" in text
    assert "admin started the run (manual) allowed" in text


def test_page_of_a_run_that_stopped_early_says_so() -> None:
    stopped = Headline("bad", "Stopped", "Task x failed.", "Mend it.", reasons=["12 patients have no clinic"])
    text = text_of(render(Report("r", stopped, False, START, START, "admin", {})))
    assert "Needs attention Stopped Task x failed. 12 patients have no clinic Mend it." in text
    for words in ("No plan was made", "No check has run", "No backup has been taken", "This is the first run"):
        assert words in text


def test_every_value_is_escaped() -> None:
    page = render(
        Report(
            HOSTILE,
            Headline("bad", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, [HOSTILE]),
            True,
            START,
            START,
            HOSTILE,
            {HOSTILE: HOSTILE},
            phase_lines([StepLine(HOSTILE, f"publish.{HOSTILE}", START, 1, True, 1, 1)]),
            [CheckLine(HOSTILE, HOSTILE, HOSTILE, 1, True, HOSTILE)],
            PlanSummary(
                [TableSummary(HOSTILE, 1, 1, 1, 1, {HOSTILE: 1}, {HOSTILE: 1})],
                [FateCount(HOSTILE, "removed", "vanished", 1)],
            ),
            [HOSTILE],
            False,
            [BackupLine(HOSTILE, HOSTILE * 9, START, 1, 1, 1)],
            relaxations=[Relaxation(HOSTILE, "severity", 1)],
            balances=[EntityBalance(HOSTILE, 2, skipped={HOSTILE: 1}, rejected={HOSTILE: 1})],
            runs=[RunLine(HOSTILE, START, HOSTILE, HOSTILE, HOSTILE, 1, 1, 1)] * 2,
            attempts=[AttemptLine(START, HOSTILE, HOSTILE, HOSTILE)],
        )
    )
    assert "<script" not in page
    assert '" onload=' not in page
    assert page.count("&lt;script&gt;") >= 20


def test_page_fetches_nothing() -> None:
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", render(REPORT))


def test_a_size_is_said_as_people_say_it() -> None:
    assert [byte_size(n) for n in (0, 999, 1000, 12_345_678, 5 * 10**12)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "12.3 MB",
        "5,000.0 GB",
    ]
