"""What in a mapping does not fit a real Nexus: each mistake with file, line, key and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.core.mapping import COLUMN_TYPES, EntityMapping, load_mappings
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.mapping_guard import FITTING, find_mapping_mistakes
from nexus_import.nexus.staging import create_staging_table
from psycopg import Connection

from tests.nexus.manual_run import open_importer
from tests.support.installation import Installation, start_installation

FOLDER = Path(__file__).resolve().parents[2] / "include" / "mapping"
PATIENT = yaml.safe_load((FOLDER / "patient.yaml").read_text())


@pytest.fixture(scope="module")
def shared(parts: Any) -> Iterator[Installation]:
    with start_installation(parts) as installation:
        yield installation


@pytest.fixture
def connection(shared: Installation) -> Iterator[Connection[Any]]:
    with open_importer(shared) as connection:
        yield connection


def mapping(**changes: Any) -> EntityMapping:
    """Return the patients' mapping with other columns, defaults and so on; None takes one out."""
    made = dict(PATIENT)
    for key, value in changes.items():
        made[key] = made.get(key, {}) | value if isinstance(value, dict) else value
        if isinstance(made[key], dict):
            made[key] = {name: given for name, given in made[key].items() if given is not None}
    return EntityMapping.model_validate(made)


def mistakes(connection: Connection[Any], **changes: Any) -> list[str]:
    return [str(mistake) for mistake in find_mapping_mistakes(connection, [mapping(**changes)])]


def columns(**columns: Any) -> dict[str, Any]:
    return {"columns": columns}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (columns(frist_name={"field": "f"}), "columns.frist_name: patients has no such column (nearest: first_name)"),
        ({"defaults": {"archive": False}}, "defaults.archive: patients has no such column (nearest: archived)"),
        ({"event_key": "mnr"}, "event_key: patients has no such column (nearest: mrn)"),
        ({"table": "pateints"}, "table: Nexus has no table pateints (nearest: patients)"),
        (
            columns(clinic_id={"field": "c", "lookup": "clinic"}),
            "columns.clinic_id.lookup: nothing is looked up in clinic (nearest: clinics)",
        ),
        (
            columns(mrn={"field": "c", "lookup": "clinics"}),
            "columns.mrn.lookup: fills columns of type uuid; this one is character varying(50)",
        ),
        (
            columns(funding_type_id={"field": "f", "lookup": "funding_sources", "id_field": "k"}),
            "columns.funding_type_id.id_field: funding_sources has no column filemaker_id: remove id_field",
        ),
        (
            columns(dob={"field": "DOB"}),
            "columns.dob.type: text does not fit the column, which is date: choose date",
        ),
        (
            columns(archived={"field": "f", "type": "date"}, first_name=PATIENT["columns"]["first_name"]),
            "columns.archived.type: date does not fit the column, which is boolean: choose boolean",
        ),
        (
            columns(funding_type_id={"field": "f"}),
            "columns.funding_type_id: holds a row of funding_sources: say lookup: funding_sources",
        ),
        (
            columns(funding_type_id={"field": "f", "type": "uuid"}),
            "columns.funding_type_id: holds a row of funding_sources: say lookup: funding_sources in place of type",
        ),
        (
            columns(clinic_id={"field": "c", "reference": "appointment"}),
            "columns.clinic_id: holds a row of clinics: say lookup: clinics in place of reference",
        ),
        (
            columns(clinic_id={"field": "c", "lookup": "clinicians"}),
            "columns.clinic_id.lookup: the column holds a row of clinics: say clinics in place of clinicians",
        ),
        (
            columns(plan_dates_json={"field": "f", "type": "integer"}),
            "columns.plan_dates_json.type: integer does not fit the column, which is jsonb: choose text_list",
        ),
        (
            columns(first_name={"field": "f"}),
            "columns.first_name: the column may not be NULL: say with empty what a record without a value gets, or "
            "with required: true that every record needs one",
        ),
        (
            columns(last_name=None),
            "columns: patients.last_name (character varying(100)) may not be NULL and nothing fills it: add it under "
            "columns or defaults",
        ),
        (
            {"aliases": {"clinics": {"NCL": "Newcasle"}}},
            "aliases.clinics.NCL: clinics in Nexus has no 'Newcasle' (nearest: Newcastle)",
        ),
        (
            {"aliases": {"clinics": {" ": "Maitland"}}},
            "aliases.clinics. : an empty name can have no alias: FileMaker's field is empty, fill it there",
        ),
        ({"aliases": {"clinic": {"NCL": "x"}}}, "aliases.clinic: nothing is looked up in clinic (nearest: clinics)"),
        (
            {"aliases": {"clinics": {"Newcastle": "Maitland"}}},
            "aliases.clinics.Newcastle: clinics in Nexus has 'Newcastle' itself: the alias would never be used, "
            "remove it",
        ),
    ],
)
def test_mistake_is_named(connection: Connection[Any], changes: dict[str, Any], message: str) -> None:
    assert mistakes(connection) == []
    assert mistakes(connection, **changes) == [f"patient.yaml: {message}"]
    with pytest.raises(ConfigurationError):
        create_staging_table(connection, mapping(**changes))


def test_alias_to_a_name_that_nexus_has_twice_is_named(shared: Installation, connection: Connection[Any]) -> None:
    twice = "INSERT INTO funding_sources SELECT gen_random_uuid(), upper(name) || '.', NULL, active, \"order\","
    shared.execute(f"{twice} now(), now() FROM funding_sources WHERE name = 'NDIS'")
    try:
        assert mistakes(connection, aliases={"funding_sources": {"Scheme": "NDIS"}}) == [
            "patient.yaml: aliases.funding_sources.Scheme: funding_sources in Nexus has 'NDIS' more than once: nobody "
            "can tell which one is meant"
        ]
    finally:
        shared.execute("DELETE FROM funding_sources WHERE name = 'NDIS.'")


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"field": "p"}, ": holds a row of patients: say reference: patient"),
        ({"field": "p", "type": "uuid"}, ": holds a row of patients: say reference: patient in place of type"),
        ({"field": "p", "lookup": "clinics"}, ": holds a row of patients: say reference: patient in place of lookup"),
        (
            {"field": "p", "reference": "appointment"},
            ".reference: the column holds a row of patients: say patient in place of appointment",
        ),
    ],
)
def test_column_that_holds_another_record_is_filled_with_a_reference(
    connection: Connection[Any], column: dict[str, Any], says: str
) -> None:
    note = yaml.safe_load((FOLDER / "note.yaml").read_text())
    made = EntityMapping.model_validate(note | {"columns": note["columns"] | {"patient_id": column}})
    found = find_mapping_mistakes(connection, [mapping(), made])
    assert [str(mistake) for mistake in found] == [f"note.yaml: columns.patient_id{says}"]


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "reference"], ids=["default", "reference"])
def test_shipped_mappings_fit(connection: Connection[Any], folder: Path) -> None:
    assert find_mapping_mistakes(connection, load_mappings(folder).values()) == []


def test_every_mistake_is_found_with_its_line(connection: Connection[Any], tmp_path: Path) -> None:
    text = (FOLDER / "patient.yaml").read_text()
    text = text.replace("  middle_names:", "  middel_names:").replace("DOB, type: date", "DOB, type: integer")
    (tmp_path / "patient.yaml").write_text(text)
    lines = text.splitlines()
    places = [next(n for n, line in enumerate(lines, start=1) if key in line) for key in ("middel_names", "dob:")]
    found = find_mapping_mistakes(connection, load_mappings(tmp_path).values())
    assert [mistake.where for mistake in found] == [
        f"patient.yaml line {places[0]}: columns.middel_names",
        f"patient.yaml line {places[1]}: columns.dob.type",
    ]


def test_every_type_of_a_mapping_says_what_it_fits() -> None:
    assert FITTING.keys() == set(COLUMN_TYPES)
