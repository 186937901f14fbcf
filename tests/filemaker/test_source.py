"""The Data API and exported files behind the same questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_import.errors import DataError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.source import DataApiSource, Source, require_fields

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
    mapping = mapping_of("nameLast", "shoe", "hat")
    with (
        connect() as client,
        pytest.raises(
            DataError,
            match=r"^Layout API_Contacts in FileMaker has no field shoe, hat, which .*/mapping/patient\.yaml names\. "
            r"Put the field on the layout or correct the mapping\.$",
        ),
    ):
        require_fields(DataApiSource(client), mapping)
    source = put(tmp_path, "API_Contacts.csv", b"id,nameLast\r")
    with pytest.raises(
        DataError,
        match=r"^File API_Contacts\.csv has no field shoe, hat, which .* names\. "
        r"The first line must hold the field names: FileMaker writes them into Merge and Excel files only\. "
        r"Export the field too or correct the mapping\.$",
    ):
        require_fields(source, mapping)


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
