"""Contact details: the records of one person become the JSON that the application reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nexus_import.core.mapping import EntityMapping, RowMapper, load_mappings
from nexus_import.nexus.details import gather_details
from nexus_import.nexus.staging import create_staging_table, lock_staging, read_lookups, stage_records
from psycopg import Connection

from tests.nexus.manual_run import open_importer
from tests.support.installation import start_installation

MAPPINGS = load_mappings(Path(__file__).resolve().parents[2] / "include" / "mapping" / "reference")
OWNER, OTHER = "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D", "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def connection(parts: Any) -> Iterator[Connection[Any]]:
    with (
        start_installation(parts) as installation,
        open_importer(installation) as connection,
        connection.transaction(force_rollback=True),
    ):
        lock_staging(connection, "run-1")
        yield connection


def stage(connection: Connection[Any], mapping: EntityMapping, records: list[dict[str, object]]) -> None:
    create_staging_table(connection, mapping)
    mapper = RowMapper(mapping, read_lookups(connection, {}), ZoneInfo("Australia/Sydney"), {})
    stage_records(connection, mapper, [(str(number), "0", record) for number, record in enumerate(records, 1)])


def gathered(
    connection: Connection[Any],
    details: list[dict[str, object]],
    mapping: EntityMapping = MAPPINGS["contact_detail"],
) -> tuple[Any, Any, list[str]]:
    """Return contacts, addresses and the columns that Nexus keeps of OWNER, who has these details."""
    stage(connection, mapping, details)
    stage(connection, MAPPINGS["patient"], [{"id": OWNER, "nameLast": "A"}, {"id": OTHER, "nameLast": "B"}])
    gather_details(connection, MAPPINGS["patient"])
    row = connection.execute(
        "SELECT contact_json, address_json, kept_columns FROM nexus_staging.patient WHERE record_id = '1'"
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def detail(kind: str, value: str = "", label: str = "", owner: str = OWNER) -> dict[str, object]:
    return {"id": f"{kind}{value}{label}", "id.key": owner, "type": kind, "ph": value, "Name": label}


def test_numbers_and_mails_stand_in_lists_and_under_their_labels(connection: Connection[Any]) -> None:
    contacts, addresses, kept = gathered(
        connection,
        [
            detail("Phone", "02 4960 1234", "home"),
            detail("Mobile", "0412 345 678"),
            detail("Mobile", "0499 999 999", "wife") | {"SMS Phone": 1},
            detail("Email", "a@example.com", "work"),
            detail("Phone", "0211111111", "other", owner=OTHER),
        ],
    )
    assert contacts == {
        "phones": [
            {"type": "mobile", "number": "0499 999 999", "label": "wife"},
            {"type": "mobile", "number": "0412 345 678", "label": ""},
            {"type": "phone", "number": "02 4960 1234", "label": "home"},
        ],
        "emails": [{"address": "a@example.com", "label": "work"}],
        "email": "a@example.com",
        "phone": {"home": {"value": "02 4960 1234", "default": True}},
        "mobile": {
            "wife": {"value": "0499 999 999", "default": True},
            "mobile": {"value": "0412 345 678", "default": False},
        },
    }
    assert "address_json" in kept
    assert "contact_json" not in kept
    assert addresses == {}


def test_of_two_numbers_with_one_label_none_is_lost(connection: Connection[Any]) -> None:
    contacts, _, _ = gathered(connection, [detail("Mobile", "1", "own"), detail("Mobile", "2", "own")])
    assert [entry["number"] for entry in contacts["phones"]] == ["1", "2"]
    assert contacts["mobile"] == {"own": {"value": "1", "default": True}}
    assert "email" not in contacts


def test_the_first_address_stands_flat_beside_the_list(connection: Connection[Any]) -> None:
    first = detail("Address", label="home") | {"address 1": "1 A St", "suburb": "Taree", "post code": "2430"}
    second = detail("Address", label="post") | {"address 1": "PO Box 5", "country": "Australia"}
    _, addresses, kept = gathered(connection, [first, second])
    assert [entry["full_address"] for entry in addresses["addresses"]] == ["1 A St, Taree 2430", "PO Box 5, Australia"]
    flat = {key: addresses[key] for key in ("street", "street2", "suburb", "state", "postcode", "type", "default")}
    assert flat == {
        "street": "1 A St",
        "street2": "",
        "suburb": "Taree",
        "state": "",
        "postcode": "2430",
        "type": "home",
        "default": True,
    }
    assert kept == ["contact_json"] or "address_json" not in kept


@pytest.mark.parametrize("details", [[], [detail("Phone")], [detail("Fax", "1")], [detail("Address", label="home")]])
def test_nothing_leaves_what_nexus_has(connection: Connection[Any], details: list[dict[str, object]]) -> None:
    contacts, addresses, kept = gathered(connection, details)
    assert (contacts, addresses) == ({}, {})
    assert {"contact_json", "address_json"} <= set(kept)


def test_columns_that_a_clinic_has_no_field_for_are_left_out(connection: Connection[Any]) -> None:
    mapped = MAPPINGS["contact_detail"].columns
    least = {name: mapped[name] for name in ("owner_id", "kind", "value")}
    mapping = MAPPINGS["contact_detail"].model_copy(update={"columns": least})
    contacts, addresses, _ = gathered(connection, [detail("Mobile", "0412 345 678", "wife")], mapping)
    assert contacts["phones"] == [{"type": "mobile", "number": "0412 345 678", "label": ""}]
    assert addresses in (None, {})
