"""A plan in counts, as the log and the question to a person say it."""

from __future__ import annotations

from nexus_import.core.plan_summary import FateCount, PlanSummary, TableSummary, plan_as_markdown, plan_lines

SUMMARY = PlanSummary(
    [
        TableSummary("patients", 3, 1200, 2, 1640, {"title": 1100, "dob": 200}, {"title": 4}),
        TableSummary("notes", 0, 0, 0, 88),
    ],
    [FateCount("patients", "removed", "vanished", 2), FateCount("appointments", "kept", "nexus_only", 1050)],
    {"phase_6/document_evidence_agrees": 3},
)


def test_log_has_a_line_for_each_table_that_changes_and_each_group_of_rows() -> None:
    assert list(plan_lines(SUMMARY)) == [
        "patients: 3 added, 1,200 changed (title 1,100, dob 200), 2 removed, 1,640 unchanged",
        "patients: 2 rows gone from FileMaker: removed",
        "appointments: 1,050 rows only in Nexus: kept",
        "3 rows whose evidence names more than one patient: phase_6/document_evidence_agrees lists them",
        "patients: values that staff changed go with this plan (title 4)",
    ]


def test_question_shows_why_it_is_asked_what_changes_and_what_is_lost() -> None:
    assert plan_as_markdown(SUMMARY, ["2 of 2,842 patients would be removed"]).split("\n") == [
        "**Why you are asked**",
        "",
        "- 2 of 2,842 patients would be removed",
        "",
        "**The plan**",
        "",
        "| table | added | changed | removed | unchanged |",
        "|---|---:|---:|---:|---:|",
        "| patients | 3 | 1,200 | 2 | 1,640 |",
        "",
        "**Rows that FileMaker does not hold**",
        "",
        "| table | why | what becomes of them | rows |",
        "|---|---|---|---:|",
        "| patients | gone from FileMaker | removed | 2 |",
        "| appointments | only in Nexus | kept | 1,050 |",
        "",
        "**Values that staff changed in Nexus, and that go with this plan**",
        "",
        "- patients: title 4",
        "",
        "**Documents and image batches whose evidence names more than one patient**",
        "",
        "- 3, listed by phase_6/document_evidence_agrees in findings.csv",
        "",
        "**Changed values**",
        "",
        "- patients: title 1,100, dob 200",
    ]


def test_question_about_a_plan_that_changes_nothing_says_so() -> None:
    summary = PlanSummary([TableSummary("patients", 0, 0, 0, 5)], [FateCount("patients", "kept", "nexus_only", 1)])
    text = plan_as_markdown(summary, ["it was told to ask always"])
    assert "**The plan changes nothing.**" in text
    assert "| patients | only in Nexus | kept | 1 |" in text
    assert "| table | added" not in text


def test_plan_that_changes_nothing_says_nothing() -> None:
    summary = PlanSummary([TableSummary("patients", 0, 0, 0, 5)])
    assert list(plan_lines(summary)) == []
    assert summary.overwritten_count == 0
