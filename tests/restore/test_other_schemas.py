"""What is more than a table of `public`: other schemas, tables that inherit, partitions, views that keep rows."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.nexus.restore.scope import PATIENT_DATA

from tests.restore.scene import Scene

REPORTING = (
    "CREATE TABLE clinics (id uuid PRIMARY KEY);"
    "CREATE TABLE reporting.clinics (id serial PRIMARY KEY, clinic_id uuid REFERENCES public.clinics (id));"
    "INSERT INTO clinics SELECT gen_random_uuid() FROM generate_series(1, 3);"
    "INSERT INTO reporting.clinics (clinic_id) SELECT id FROM public.clinics"
)


@pytest.fixture
def reporting(bare: Scene) -> Scene:
    """A Nexus with a table of the same name in two schemas."""
    bare.execute_as_superuser("CREATE SCHEMA reporting; GRANT ALL ON SCHEMA reporting TO nexus")
    bare.execute(REPORTING)
    return bare


def rows(scene: Scene, table: str) -> list[Any]:
    return scene.installation.rows(f"SELECT t::text FROM ONLY {table} AS t ORDER BY 1")


def test_tables_of_other_schemas_are_backed_up_and_come_back(reporting: Scene) -> None:
    before = rows(reporting, "clinics"), rows(reporting, "reporting.clinics")
    manifest = reporting.back_up()
    assert sorted(manifest.tables) == ["clinics", "reporting.clinics"]
    assert manifest.left_out == {}
    reporting.execute("TRUNCATE reporting.clinics, public.clinics; SELECT setval('reporting.clinics_id_seq', 1)")
    loaded = reporting.load(manifest)
    plan = reporting.plan(loaded)
    assert {table: counts["removed"] for table, counts in plan.counts.items()} == {"clinics": 3, "reporting.clinics": 3}
    assert plan.notes == []
    reporting.answer(plan)
    reporting.write(loaded, plan)
    assert (rows(reporting, "clinics"), rows(reporting, "reporting.clinics")) == before
    assert reporting.value("SELECT last_value FROM reporting.clinics_id_seq") == 3


def test_table_that_the_restore_may_not_write_is_left_out_and_said(reporting: Scene) -> None:
    manifest = reporting.back_up()
    reporting.execute_as_superuser("REVOKE pg_write_all_data FROM nexus_restore")
    try:
        reporting.execute("GRANT INSERT, UPDATE, DELETE ON clinics TO nexus_restore")
        loaded = reporting.load(manifest)
        plan = reporting.plan(loaded)
    finally:
        reporting.execute_as_superuser("GRANT pg_write_all_data TO nexus_restore")
    assert loaded.tables.keys() == {"clinics"}
    assert plan.notes == [
        "table reporting.clinics of the backup is left out: this role may not write it"
        " (GRANT INSERT, UPDATE, DELETE ON reporting.clinics TO nexus_restore)"
    ]


def test_what_a_backup_leaves_out_is_in_its_manifest_in_its_log_and_in_the_question(
    reporting: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    reporting.execute_as_superuser(
        "CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;"
        "CREATE FOREIGN TABLE reporting.rates (id integer) SERVER far;"
        "CREATE TABLE reporting.jobs (id integer);"
        "CREATE EXTENSION IF NOT EXISTS plpgsql; ALTER EXTENSION plpgsql ADD TABLE reporting.jobs"
    )
    manifest = reporting.back_up()
    assert manifest.tables.keys() == {"clinics", "reporting.clinics"}
    assert manifest.left_out == {
        "reporting.jobs": "it belongs to the extension plpgsql",
        "reporting.rates": "its rows are in another database",
    }
    for table, why in manifest.left_out.items():
        assert f"Table {table} is not backed up: {why}" in caplog.text
    assert reporting.plan(reporting.load(manifest)).notes == [
        f"table {table} was left out of the backup: {why}" for table, why in manifest.left_out.items()
    ]


def test_patient_data_is_of_public_only(clinic: Scene) -> None:
    clinic.execute_as_superuser("CREATE SCHEMA reporting; CREATE TABLE reporting.patients (id uuid PRIMARY KEY)")
    manifest = clinic.back_up()
    assert {"patients", "reporting.patients"} <= manifest.tables.keys()
    loaded = clinic.load(manifest, PATIENT_DATA)
    assert "patients" in loaded.tables
    assert not [table for table in loaded.tables if "." in table]
    assert clinic.plan(loaded).change_count == 0


def test_rows_of_a_table_that_inherits_are_its_own(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE base (id integer PRIMARY KEY, t text); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base);"
        "INSERT INTO base VALUES (1, 'x'), (3, 'z'); INSERT INTO heir VALUES (1, 'y'), (2, 'y')"
    )
    before = rows(bare, "base"), rows(bare, "heir")
    manifest = bare.back_up()
    assert {table: entry.row_count for table, entry in manifest.tables.items()} == {"base": 2, "heir": 2}
    bare.execute("DELETE FROM ONLY base WHERE id = 1; UPDATE base SET t = 'w'; INSERT INTO heir VALUES (5, 'v')")
    bare.restore(manifest)
    assert (rows(bare, "base"), rows(bare, "heir")) == before


def test_partitions_come_back_through_their_table(bare: Scene) -> None:
    bare.execute(
        "CREATE TABLE days (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE early PARTITION OF days FOR VALUES FROM (MINVALUE) TO (10);"
        "CREATE TABLE late PARTITION OF days FOR VALUES FROM (10) TO (MAXVALUE); INSERT INTO days VALUES (1), (20)"
    )
    manifest = bare.back_up()
    assert manifest.tables.keys() == {"days"}
    bare.execute("DELETE FROM days; INSERT INTO days VALUES (30)")
    bare.restore(manifest)
    assert (rows(bare, "early"), rows(bare, "late")) == ([("(1)",)], [("(20)",)])


def test_materialized_view_is_named_with_its_refresh(bare: Scene) -> None:
    bare.execute("CREATE TABLE a (id integer PRIMARY KEY); CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM a")
    assert bare.plan(bare.load(bare.back_up())).notes == [
        "the materialized view sums shows rows as they are now: run REFRESH MATERIALIZED VIEW sums afterwards"
    ]
