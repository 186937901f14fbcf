"""The mapping files: what a mistake in one says. File, line, key and the nearest valid name, all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.core.mapping import load_mappings
from nexus_import.errors import ConfigurationError

SMALL: dict[str, Any] = {
    "entity": "patient",
    "label": "patients",
    "layout": "API_Contacts",
    "table": "patients",
    "columns": {"first_name": {"field": "nameFirst"}, "dob": {"field": "DOB", "type": "date"}},
}


def load(folder: Path, **changes: Any) -> None:
    (folder / "patient.yaml").write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    load_mappings(folder)


def column(**options: Any) -> dict[str, Any]:
    return {"columns": {"a": {"field": "f"} | options}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (column(type="dat"), r"patient\.yaml line 8: columns\.a\.type: 'dat' is none of text, .* \(nearest: date\)"),
        (
            {"columns": {"dob": {"feild": "DOB"}}},
            r"line 7: columns\.dob\.feild: there is no such key \(nearest: field\)",
        ),
        ({"columns": {"dob": {"type": "date"}}}, r"patient\.yaml line 6: columns\.dob\.field: is missing"),
        (column(requird=True), r"line 8: columns\.a\.requird: there is no such key \(nearest: required\)"),
        ({"tabel": "patients"}, r"line \d+: tabel: there is no such key \(nearest: table\)"),
        ({"layout": None}, r"line 3: layout: is empty; it must be text"),
        ({"columns": {"a": {"field": False}}}, r"line 7: columns\.a\.field: must be text; put it in quotes"),
        ({"columns": {"a": None}}, r"line 6: columns\.a: must hold keys with values"),
        ({"defaults": {"dob": "now"}}, r"line \d+: defaults\.dob: dob is both in columns and in defaults: remove it"),
        (column(lookup="clinics", reference="patient"), r"columns\.a\.reference: the column has lookup too: remove"),
        (
            column(reference="pateint"),
            r"columns\.a\.reference: no mapping file is of entity pateint \(nearest: patient\)",
        ),
        (column(id_field="k"), r"columns\.a\.id_field: only a column with lookup has an id_field"),
        (column(lookup="clinics", type="date"), r"columns\.a\.type: a column with lookup or reference has no type"),
        (column(time_field="t"), r"columns\.a\.time_field: only type wall_time has this option; .* of type text"),
        (column(format="us"), r"columns\.a\.format: only type date or .* has this option"),
        (column(format="eu", type="date"), r"columns\.a\.format: 'eu' is none of us, iso, us_or_iso"),
        (column(choices=["a"]), r"columns\.a\.choices: only type code"),
        (column(type="code", choices=["open"], otherwise="opn"), r"'opn' is none of choices \(nearest: open\)"),
        (column(type="wall_time", length_from="b"), r"columns\.a\.length_from: b is no column with lookup"),
        (column(only_new=True, keep_when_empty=True), r"columns\.a\.keep_when_empty: only_new fills new rows only"),
    ],
)
def test_mistake_is_named_with_file_line_and_key(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    load(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, **changes)


def test_every_mistake_of_every_file_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "note.yaml").write_text("entity: [unclosed")
    (tmp_path / "letter.yaml").write_text("entity: letter\nlabel: letters\nlayuot: API_Letters\ncolumns: {}\n")
    (tmp_path / "patient.yaml").write_text(
        yaml.safe_dump(SMALL | {"columns": {"a": {"field": "f", "format": "us"}, "b": {"field": "g", "id_field": "k"}}})
    )
    with pytest.raises(ConfigurationError) as caught:
        load_mappings(tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == "5 mistakes, correct them all:"
    assert [line.split(":")[0].split(" line")[0] for line in lines] == [
        *("letter.yaml", "letter.yaml", "note.yaml", "patient.yaml", "patient.yaml")
    ]


def test_key_that_stands_in_a_file_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    text = yaml.safe_dump(SMALL, sort_keys=False)
    (tmp_path / "patient.yaml").write_text(text + "layout: API_Other\n")
    with pytest.raises(
        ConfigurationError, match=r"patient\.yaml line 11: layout: stands in line 3 already: remove one"
    ):
        load_mappings(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entity: [unclosed", r"note\.yaml line \d: cannot be read as YAML: "),
        ("entity: a: b", r"note\.yaml line 1: cannot be read as YAML: .* A text with a colon, .* must stand in quotes"),
        ("- a\n- b", r"note\.yaml: must hold keys with values"),
        ("", r"note\.yaml: must hold keys with values"),
        (b"entity: \xff", r"note\.yaml: cannot be read: "),
    ],
)
def test_file_that_is_not_yaml_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    (tmp_path / "note.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError, match=message):
        load_mappings(tmp_path)


def test_folder_without_mappings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no mapping file"):
        load_mappings(tmp_path)


def test_two_files_for_one_entity_are_refused(tmp_path: Path) -> None:
    (tmp_path / "contact.yaml").write_text(yaml.safe_dump(SMALL))
    with pytest.raises(
        ConfigurationError, match=r"patient\.yaml line 1: entity: patient is mapped in contact\.yaml already"
    ):
        load(tmp_path)


EVIDENCE: dict[str, dict[str, Any]] = {
    "contact_detail": {"owner_id": {"field": "o", "reference": "patient"}, "kind": {"field": "k", "type": "code"}},
    "document": {"patient_id": {"field": "p", "reference": "patient"}},
    "image": {"patient_id": {"field": "p", "reference": "patient"}},
}
"""The least that each kind of evidence says."""


def load_beside(folder: Path, **others: dict[str, Any]) -> None:
    """Load the patients' mapping with other entities' beside it."""
    for entity, content in others.items():
        least = {"entity": entity, "label": entity, "layout": "Others", "columns": EVIDENCE.get(entity, {})}
        (folder / f"{entity}.yaml").write_text(yaml.safe_dump(least | content, sort_keys=False))
    load(folder)


@pytest.mark.parametrize(
    ("entity", "columns", "message"),
    [
        ("document", {"patien_id": "text"}, r"columns\.patien_id: document has no such column \(nearest: patient_id"),
        ("document", {"title": "text"}, r"columns\.title: document has no such column$"),
        ("image", {"record_number": "text"}, r"columns\.record_number\.type: text does not fit .*: choose integer$"),
        ("contact_detail", {"vlaue": "text"}, r"columns\.vlaue: contact_detail has no such column \(nearest: value\)"),
        ("contact_detail", {"postcode": "integer"}, r"columns\.postcode\.type: integer does not fit .*post_code"),
    ],
)
def test_column_of_evidence_that_nothing_reads_is_named(
    tmp_path: Path, entity: str, columns: dict[str, str], message: str
) -> None:
    load_beside(tmp_path, **{entity: {}})
    wrong = {name: {"field": "f", "type": kind} for name, kind in columns.items()}
    with pytest.raises(ConfigurationError, match=rf"^{entity}\.yaml line \d+: {message}"):
        load_beside(tmp_path, **{entity: {"columns": wrong | EVIDENCE[entity]}})


@pytest.mark.parametrize("entity", EVIDENCE)
def test_evidence_needs_to_say_whose_it_is(tmp_path: Path, entity: str) -> None:
    whose = next(iter(EVIDENCE[entity]))
    without = EVIDENCE[entity] | {whose: {"field": "p"}}
    with pytest.raises(ConfigurationError, match=rf"{whose}\.reference: is missing: .*; add reference: patient$"):
        load_beside(tmp_path, **{entity: {"columns": without}})
    del without[whose]
    with pytest.raises(ConfigurationError, match=rf"{entity}\.yaml line 4: columns: {whose} is missing"):
        load_beside(tmp_path, **{entity: {"columns": without}})


MADE = {"key": "Coordinator", "key_is": "name", "columns": {"last_name": {"field": "Coordinator"}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"records_of": "pateint"}, r"line \d+: records_of: no mapping file is of entity pateint \(nearest: patient\)"),
        (
            {"records_of": "patient"},
            r"coordinator\.yaml line 3: layout: the records of patient are read from layout API_Contacts: name it here "
            "too, or remove records_of to read Others",
        ),
        ({"records_of": "coordinator"}, r"records_of: coordinator has no records of its own: remove records_of"),
    ],
)
def test_entity_that_cannot_be_made_of_other_records_is_named(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    load_beside(tmp_path, coordinator=MADE | {"records_of": "patient", "layout": "API_Contacts"})
    load_beside(tmp_path, coordinator=MADE)  # a layout of its own
    with pytest.raises(ConfigurationError, match=message):
        load_beside(tmp_path, coordinator=MADE | content)


def test_entity_made_of_one_that_is_made_itself_is_named(tmp_path: Path) -> None:
    made = MADE | {"records_of": "patient", "layout": "API_Contacts"}
    with pytest.raises(
        ConfigurationError,
        match=r"company\.yaml line 6: records_of: coordinator has no records of its own: say records_of: patient",
    ):
        load_beside(tmp_path, coordinator=made, company={"columns": {}, "key": "x", "records_of": "coordinator"})
