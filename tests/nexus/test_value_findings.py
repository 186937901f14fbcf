"""What becomes of values that cannot be used, in Nexus and in the next run; and ids and names that disagree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRun, QuickRuns
from tests.support.copies import own_include

USUAL = "phase_0/values_are_usual"
AGREE = "phase_0/ids_and_names_agree"
REQUIRED = "phase_0/required_fields"
CONFLICTS = "phase_3/both_sides_changed_patients"
GATE_0 = "phase_0_validate.gate"


@contextmanager
def own_patients(directory: Path, former: str, new: str, **policy: Any) -> Iterator[None]:
    """Let the import read a patients' mapping in which one line is another."""
    with own_include(directory, **policy) as folder:
        path = folder / "mapping" / "patient.yaml"
        text = path.read_text()
        assert text.count(former) == 1
        path.write_text(text.replace(former, new))
        yield


def published(run: QuickRun) -> QuickRun:
    run.go(until=LAST_TASK)
    assert run.errors == {}
    assert run.states[LAST_TASK] == "success"
    return run


def title(installation: Any, nexus_id: str) -> str | None:
    value: str | None = installation.value("SELECT title FROM patients WHERE id = %s", nexus_id)
    return value


def test_title_outside_the_list_leaves_nexus_its_own_until_filemaker_has_a_usual_one(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    known = next(key for key, nexus_id in imported.truth["patients"].items() if nexus_id)
    nexus_id = imported.truth["patients"][known]
    filemaker.fields("patient", known)["title"] = "Mr"
    published(next_run())
    assert title(imported, nexus_id) == "Mr"

    filemaker.fields("patient", known)["title"] = "Master"
    new = filemaker.add_like("patient", known, title="Father")
    second = published(next_run())
    assert {(finding[1], finding[3]) for finding in second.findings(USUAL)} == {(known, "title"), (new, "title")}
    assert title(imported, nexus_id) == "Mr"
    added = imported.rows("SELECT title FROM patients WHERE filemaker_metadata ->> 'filemaker_id' = %s", new)
    assert added == [(None,)]

    imported.execute("UPDATE patients SET title = 'Dr' WHERE id = %s", nexus_id)
    third = published(next_run())
    assert title(imported, nexus_id) == "Dr"
    assert third.results["publish.make_plan"]["changed_count"] == 0

    filemaker.fields("patient", known)["title"] = "Mrs."
    last = published(next_run())
    assert title(imported, nexus_id) == "Mrs"
    # staff changed the title since FileMaker's last usual one: that is remembered all the while
    assert [(finding[1], finding[3]) for finding in last.findings(CONFLICTS)] == [(known, "title")]


@pytest.mark.parametrize("keep", [True, False])
def test_empty_value_leaves_nexus_its_own_only_where_the_mapping_says_so(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path, keep: bool
) -> None:
    known = next(key for key, nexus_id in imported.truth["patients"].items() if nexus_id)
    nexus_id = imported.truth["patients"][known]
    imported.execute("UPDATE patients SET health_number = '123' WHERE id = %s", nexus_id)
    filemaker.fields("patient", known)["Health Number"] = ""
    option = f"health_number: {{field: Health Number, keep_when_empty: {str(keep).lower()}}}"
    with own_patients(tmp_path, "health_number: {field: Health Number}", option):
        run = published(next_run())
    assert imported.value("SELECT health_number FROM patients WHERE id = %s", nexus_id) == ("123" if keep else None)
    assert run.findings(USUAL) == []


@pytest.mark.parametrize("severity", ["stop", "warn"])
def test_id_and_name_of_two_clinics_are_found_and_the_policy_decides(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path, severity: str
) -> None:
    clinics = imported.rows("SELECT filemaker_id::text, name, id::text FROM clinics WHERE filemaker_id IS NOT NULL")
    (_, name, _), (other_id, _, other), *_ = clinics
    known = next(key for key, nexus_id in imported.truth["patients"].items() if nexus_id)
    for key in filemaker.ids("patient"):
        fields = filemaker.fields("patient", key)
        fields["clinic_key"] = next(key for key, named, _ in clinics if named == fields["clinic_name"]).upper()
    filemaker.fields("patient", known).update(clinic_key=other_id.upper(), clinic_name=name)
    option = "clinic_id: {field: clinic_name, lookup: clinics, id_field: clinic_key}"
    with own_patients(tmp_path, "clinic_id: {field: clinic_name, lookup: clinics}", option, severity={AGREE: severity}):
        run = next_run(mode="rehearse").go(until="phase_3_patients.gate")
    assert [(finding[1], finding[3]) for finding in run.findings(AGREE)] == [(known, "clinic_key")]
    assert run.results[GATE_0] is (severity == "warn")
    if severity == "warn":
        nexus_id = imported.truth["patients"][known]
        assert imported.value("SELECT clinic_id::text FROM nexus_work.patients WHERE id = %s", nexus_id) == other


def test_required_field_that_is_empty_stops_the_run(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    for key in filemaker.ids("patient"):
        filemaker.fields("patient", key)["Health Number"] = "1234567890"
    known = filemaker.ids("patient")[0]
    filemaker.fields("patient", known)["Health Number"] = " "
    option = "health_number: {field: Health Number, required: true}"
    with own_patients(tmp_path, "health_number: {field: Health Number}", option):
        run = next_run(mode="rehearse").go(until=GATE_0)
    assert [(finding[1], finding[3]) for finding in run.findings(REQUIRED)] == [(known, "Health Number")]
    assert run.results[GATE_0] is False
