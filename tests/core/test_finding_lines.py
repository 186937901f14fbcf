"""Findings counted by what became of the last run's."""

from __future__ import annotations

from dataclasses import replace

from nexus_import.core.finding_lines import FindingCounts, FindingLine, by_check, count_lines

LINE = FindingLine(
    status="new",
    check_id="phase_0/patients_have_clinic_name",
    title="All patients have clinic_name",
    severity="stop",
    entity="patient",
    record_id="17",
    filemaker_id="A",
    nexus_id=None,
    layout="API_Contacts",
    field="clinic_name",
    clinic=None,
    detail=None,
    todo="Fill clinic_name",
    suggestion=None,
)


def test_counts_are_said_in_one_line() -> None:
    lines = [LINE] * 3 + [replace(LINE, status="still open")] * 9 + [replace(LINE, status="fixed")] * 4
    counts = count_lines(lines)
    assert counts == FindingCounts(3, 9, 4)
    assert counts.sentence() == "12 findings: 9 still open, 3 new; 4 of the last run are fixed"
    assert FindingCounts(1, 0, 1).sentence() == "1 finding: 0 still open, 1 new; 1 of the last run is fixed"


def test_what_is_wrong_names_the_rule_and_how_it_is_broken() -> None:
    assert LINE.wrong == "Broken rule: All patients have clinic_name"
    assert replace(LINE, detail="Newcasle").wrong == "Broken rule: All patients have clinic_name: Newcasle"


def test_lines_keep_their_order_within_their_check() -> None:
    other = replace(LINE, check_id="phase_0/a")
    first, second = replace(LINE, record_id="1"), replace(LINE, record_id="2")
    assert list(by_check([second, other, first])) == [("phase_0/a", [other]), (LINE.check_id, [second, first])]
