"""Staging on a real Nexus: what is kept of values, look-ups, and whose records they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nexus_import.core.mapping import RowMapper, load_mappings
from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.lookups import LOOKUP_TABLES
from nexus_import.nexus.staging import (
    create_staging_table,
    drop_repeated_findings,
    lock_staging,
    read_lookups,
    require_staging,
    stage_records,
)
from psycopg import Connection

from tests.nexus.manual_run import open_importer
from tests.support.installation import Installation, start_installation

MAPPINGS = load_mappings(Path(__file__).resolve().parents[2] / "include" / "mapping")


@pytest.fixture(scope="module")
def shared(parts: Any) -> Iterator[Installation]:
    with start_installation(parts) as installation:
        yield installation


@pytest.fixture
def connection(shared: Installation) -> Iterator[Connection[Any]]:
    with open_importer(shared) as connection:
        yield connection


@pytest.mark.parametrize("entity", sorted(MAPPINGS))
def test_shipped_mapping_fits_nexus(connection: Connection[Any], entity: str) -> None:
    mapping = MAPPINGS[entity]
    create_staging_table(connection, mapping)
    staged = [column.name for column in read_columns(connection, entity, "nexus_staging")]
    lookups = read_lookups(connection, mapping.aliases)
    assert staged == [*RowMapper(mapping, lookups, ZoneInfo("Australia/Sydney"), {}).column_names(), "scope"]


def test_unreadable_values_are_staged_as_null_and_found(connection: Connection[Any]) -> None:
    create_staging_table(connection, MAPPINGS["image"])
    mapper = RowMapper(MAPPINGS["image"], {}, ZoneInfo("Australia/Sydney"), {})
    records = [("1", "0", {"id": "A", "recid": 7}), ("2", "0", {"id": "B", "recid": 99_999_999_999})]
    count, findings = stage_records(connection, mapper, records)
    assert count == 2
    assert [(finding.record_id, finding.field) for finding in findings] == [("2", "recid")]
    rows = connection.execute("SELECT filemaker_id, record_number FROM nexus_staging.image ORDER BY record_id")
    assert rows.fetchall() == [("a", 7), ("b", None)]


def test_other_findings_about_values_are_kept_beside_the_records_of_the_last_staging(
    connection: Connection[Any],
) -> None:
    mapper = RowMapper(MAPPINGS["patient"], read_lookups(connection, {}), ZoneInfo("Australia/Sydney"), {})
    query = "SELECT check_id, entity, record_id, filemaker_id, field FROM nexus_staging.value_finding"
    with connection.transaction(force_rollback=True):
        lock_staging(connection, "run-1")
        for title in ("Master", "Father", "Mr"):
            create_staging_table(connection, MAPPINGS["patient"])
            count, unreadable = stage_records(connection, mapper, [("7", "0", {"id": "A", "title": title})])
            assert (count, unreadable) == (1, [])
            found = connection.execute(query).fetchall()
            expected = [("phase_0/values_are_usual", "patient", "7", "A", "title")]
            assert found == (expected if title != "Mr" else [])
            kept = connection.execute("SELECT kept_columns FROM nexus_staging.patient").fetchone()
            assert kept == (["title"] if title != "Mr" else [],)


def test_findings_of_another_run_are_forgotten(connection: Connection[Any]) -> None:
    with connection.transaction(force_rollback=True):
        lock_staging(connection, "run-1")
        connection.execute("INSERT INTO nexus_staging.value_finding VALUES ('c', 'patient', '1', NULL, 'f', 'd')")
        lock_staging(connection, "run-2")
        assert connection.execute("SELECT count(*) FROM nexus_staging.value_finding").fetchone() == (0,)


def test_field_that_two_entities_read_is_found_with_the_one_whose_records_they_are(connection: Connection[Any]) -> None:
    made = MAPPINGS["note"].model_copy(update={"records_of": "patient"})
    with connection.transaction(force_rollback=True):
        lock_staging(connection, "run-1")
        connection.execute(
            "INSERT INTO nexus_staging.value_finding (check_id, entity, record_id, field, detail) VALUES"
            " ('c', 'patient', '1', 'f', 'd'), ('c', 'note', '1', 'f', 'd'), ('c', 'note', '2', 'f', 'd'),"
            " ('c', 'note', '1', 'f', 'e')"
        )
        drop_repeated_findings(connection, made)
        drop_repeated_findings(connection, MAPPINGS["patient"])
        rows = connection.execute("SELECT entity, record_id, detail FROM nexus_staging.value_finding ORDER BY 1, 2, 3")
        assert rows.fetchall() == [("note", "1", "e"), ("note", "2", "d"), ("patient", "1", "d")]


def test_clinics_are_found_by_filemakers_id_and_funding_by_its_code(
    shared: Installation, connection: Connection[Any]
) -> None:
    lookups = read_lookups(connection, {})
    clinics = shared.rows("SELECT filemaker_id::text, id FROM clinics WHERE filemaker_id IS NOT NULL")
    assert clinics
    for filemaker_id, nexus_id in clinics:
        assert lookups["clinics"].by_id[filemaker_id].nexus_id == nexus_id
    funding = shared.rows("SELECT code, id FROM funding_sources WHERE code IS NOT NULL")
    assert funding
    for code, nexus_id in funding:
        found = lookups["funding_sources"].find(code.lower())
        assert found is not None
        assert found.nexus_id == nexus_id


def test_a_nexus_without_specialties_is_looked_up_in_all_the_same(shared: Installation) -> None:
    with shared.owner() as owner, owner.transaction(force_rollback=True):
        owner.execute("DROP TABLE specialties CASCADE")
        assert read_lookups(owner, {}).keys() == LOOKUP_TABLES.keys() - {"specialties"}


def test_lookups_have_every_preserved_name_and_the_durations(shared: Installation, connection: Connection[Any]) -> None:
    lookups = read_lookups(connection, {"clinics": {"Old Name": "Newcastle"}})
    for name, nexus_id in shared.rows("SELECT name, id FROM clinics"):
        found = lookups["clinics"].find(name.upper())
        assert found is not None
        assert found.nexus_id == nexus_id
    alias = lookups["clinics"].find("old name")
    assert alias is not None
    assert alias.name == "Newcastle"
    minutes = {row.name: row.minutes for row in lookups["appointment_types"].rows.values()}
    assert minutes == dict(shared.rows("SELECT name, default_duration_minutes FROM appointment_types"))


def test_staged_records_of_another_run_are_not_used(connection: Connection[Any]) -> None:
    with connection.transaction():
        lock_staging(connection, "run-1")
    require_staging(connection, "run-1")
    with pytest.raises(WorkingCopyError, match="belong to run run-1, not to run run-2"):
        require_staging(connection, "run-2")
    connection.execute("DELETE FROM nexus_staging.stamp")
    with pytest.raises(WorkingCopyError, match="belong to no run, not to run run-1"):
        require_staging(connection, "run-1")
