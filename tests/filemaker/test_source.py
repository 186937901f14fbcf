"""The Data API and exported files behind the same questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_import.core.mapping import load_mappings
from nexus_import.errors import DataError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.source import DataApiSource, Source, find_source_mistakes, require_fields

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, PASSWORD, USER, Connect
from .exported import mapping_of, put


def test_the_data_api_answers_what_phase_0_asks(connect: Connect) -> None:
    with connect(page_size=10) as client:
        source: Source = DataApiSource(client)
        mapping = mapping_of("nameLast", layout=CONTACTS)
        require_fields(source, mapping)
        assert source.found_count(mapping) == CONTACT_COUNT
        walk = source.walk(mapping)
        begun = next(iter(walk))
        stored = {record.record_id: record.mod_id for record in begun.records}
        rest = source.walk(mapping, begun.cursor.to_dict(), stored)
        pages = list(rest)
        assert pages[0].number == 2
        assert len(stored) + sum(len(page.records) for page in pages) == CONTACT_COUNT
        assert rest.summary.distinct_read == CONTACT_COUNT


def test_a_missing_field_is_named_with_what_to_do_in_each_source(connect: Connect, tmp_path: Path) -> None:
    mapping = mapping_of("nameLast", "nameLsat", "hat")
    with connect() as client, pytest.raises(DataError) as caught:
        require_fields(DataApiSource(client), mapping)
    assert str(caught.value).splitlines() == [
        "patient.yaml: columns.column_1.field: Layout API_Contacts in FileMaker has no field nameLsat "
        "(nearest: nameLast). Put the field on the layout or correct the mapping.",
        "patient.yaml: columns.column_2.field: Layout API_Contacts in FileMaker has no field hat. "
        "Put the field on the layout or correct the mapping.",
    ]
    source = put(tmp_path, "API_Contacts.csv", b"id,nameLast\r")
    with pytest.raises(DataError) as caught:
        require_fields(source, mapping)
    assert str(caught.value).splitlines()[0] == (
        "patient.yaml: columns.column_1.field: File API_Contacts.csv has no field nameLsat (nearest: nameLast). "
        "The first line must hold the field names: FileMaker writes them into Merge and Excel files only. "
        "Export the field too or correct the mapping."
    )


def test_a_first_line_that_may_be_a_patient_is_never_quoted(tmp_path: Path) -> None:
    source = put(tmp_path, "API_Contacts.csv", b"A1,nameLost\r")
    with pytest.raises(DataError) as caught:
        require_fields(source, mapping_of("nameLast"))
    assert "nameLost" not in str(caught.value)


def test_every_missing_layout_and_field_is_named_at_once_with_its_line(connect: Connect, tmp_path: Path) -> None:
    contacts = "entity: patient\nlabel: p\nlayout: {}\nkey: {}\ncolumns:\n  last_name: {{field: {}}}\n"
    (tmp_path / "patient.yaml").write_text(contacts.format("API_Contcats", "id", "nameLast"))
    notes = contacts.replace("patient", "note").format("API_Contacts", "Id", "nameLsat")
    (tmp_path / "note.yaml").write_text(notes)
    mappings = list(load_mappings(tmp_path).values())
    with connect() as client:
        said = [str(mistake) for mistake in find_source_mistakes(DataApiSource(client), mappings)]
    assert [line.split(": ")[:2] for line in said] == [
        ["note.yaml line 4", "key"],
        ["note.yaml line 6", "columns.last_name.field"],
        ["patient.yaml line 3", "layout"],
    ]
    assert "(nearest: id)" in said[0]
    assert "'API_Contacts'" in said[2]
    put(tmp_path, "API_Contacts.csv", b"id,nameLast\r")
    files = put(tmp_path, "API_Other.csv", b"id,nameLast\r")
    assert [str(mistake).split(": ")[0] for mistake in find_source_mistakes(files, mappings)] == [
        *("note.yaml line 4", "note.yaml line 6", "patient.yaml line 3")
    ]


def test_a_field_with_repetitions_is_asked_for_by_number() -> None:
    phone = {"name": "phone", "result": "text", "repetitionStart": 1, "repetitionEnd": 2}
    record = {"recordId": "1", "modId": "0", "fieldData": {"id": "A", "phone(1)": "1", "phone(2)": "2"}}
    layout = {
        "layout": CONTACTS,
        "table": "c",
        "fields": [{"name": "id", "result": "text"}, phone],
        "records": [record],
    }
    data = {"database": "Clinic", "user": USER, "password": PASSWORD, "layouts": [layout]}
    with (
        Simulator.from_dataset(data) as simulator,
        FileMakerClient(simulator.url, "Clinic", USER, PASSWORD) as client,
    ):
        mapping = mapping_of("phone", "phone(1)", "phone(2)", "phone(3)")
        assert DataApiSource(client).missing_fields(mapping) == ["phone", "phone(3)"]
