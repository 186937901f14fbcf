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
def own_mapping(directory: Path, file: str, former: str, new: str, **policy: Any) -> Iterator[None]:
    """Let the import read a mapping in which one line is another."""
    with own_include(directory, **policy) as folder:
        path = folder / "mapping" / file
        text = path.read_text()
        assert text.count(former) == 1
        path.write_text(text.replace(former, new))
        yield


def published(run: QuickRun) -> QuickRun:
    run.go(until=LAST_TASK)
    assert run.errors == {}
    assert run.states[LAST_TASK] == "success"
    return run


def titles(installation: Any, ids: dict[str, str]) -> list[str | None]:
    query = "SELECT title FROM patients WHERE id = %s"
    return [installation.value(query, nexus_id) for nexus_id in ids.values()]


def set_titles(filemaker: FileMaker, given: dict[str, str]) -> None:
    for key, title in given.items():
        filemaker.fields("patient", key)["title"] = title


def test_title_outside_the_list_leaves_nexus_its_own_until_filemaker_has_a_usual_one(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    edited, plain = [key for key, nexus_id in imported.truth["patients"].items() if nexus_id][:2]
    ids = {key: imported.truth["patients"][key] for key in (edited, plain)}
    set_titles(filemaker, {edited: "Mr", plain: "Mr"})
    published(next_run())
    assert titles(imported, ids) == ["Mr", "Mr"]

    set_titles(filemaker, {edited: "Master", plain: "Jr."})
    new = filemaker.add_like("patient", plain, title="Father")
    second = published(next_run())
    assert {(finding[1], finding[3]) for finding in second.findings(USUAL)} == {
        (key, "title") for key in (edited, plain, new)
    }
    assert titles(imported, ids) == ["Mr", "Mr"]
    added = imported.rows("SELECT title FROM patients WHERE filemaker_metadata ->> 'filemaker_id' = %s", new)
    assert added == [(None,)]

    imported.execute("UPDATE patients SET title = 'Dr' WHERE id = %s", ids[edited])
    third = published(next_run())
    assert titles(imported, ids) == ["Dr", "Mr"]
    assert third.results["publish.make_plan"]["changed_count"] == 0
    assert third.findings(CONFLICTS) == []  # FileMaker said nothing, so nobody disagrees

    set_titles(filemaker, {edited: "Mrs.", plain: "Mrs."})
    last = published(next_run())
    assert titles(imported, ids) == ["Mrs", "Mrs"]
    # what FileMaker last said was remembered all the while: only one of the two was changed by staff
    assert [(finding[1], finding[3]) for finding in last.findings(CONFLICTS)] == [(edited, "title")]


def test_clinical_text_that_filemaker_has_emptied_stays_without_a_word(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    note, nexus_id = next((key, note["nexus_id"]) for key, note in imported.truth["notes"].items() if note["nexus_id"])
    text = imported.value("SELECT content FROM notes WHERE id = %s", nexus_id)
    filemaker.fields("note", note)["Note"] = ""
    option = 'content: {field: Note, keep_when_empty: true, clinical: true, empty: ""}'
    with own_mapping(tmp_path, "note.yaml", 'content: {field: Note, clinical: true, empty: ""}', option):
        run = published(next_run())
    assert imported.value("SELECT content FROM notes WHERE id = %s", nexus_id) == text
    assert note not in {finding[1] for finding in run.findings("phase_5/clinical_text_kept_of_notes")}


@pytest.mark.parametrize("keep", [True, False])
def test_empty_value_leaves_nexus_its_own_only_where_the_mapping_says_so(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path, keep: bool
) -> None:
    known = next(key for key, nexus_id in imported.truth["patients"].items() if nexus_id)
    nexus_id = imported.truth["patients"][known]
    imported.execute("UPDATE patients SET health_number = '123' WHERE id = %s", nexus_id)
    filemaker.fields("patient", known)["Health Number"] = ""
    option = f"health_number: {{field: Health Number, keep_when_empty: {str(keep).lower()}}}"
    with own_mapping(tmp_path, "patient.yaml", "health_number: {field: Health Number}", option):
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
    with own_mapping(
        tmp_path, "patient.yaml", "clinic_id: {field: clinic_name, lookup: clinics}", option, severity={AGREE: severity}
    ):
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
    with own_mapping(tmp_path, "patient.yaml", "health_number: {field: Health Number}", option):
        run = next_run(mode="rehearse").go(until=GATE_0)
    assert [(finding[1], finding[3]) for finding in run.findings(REQUIRED)] == [(known, "Health Number")]
    assert run.results[GATE_0] is False
