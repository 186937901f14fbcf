"""The foreign keys of the database, held against the working copy: one column or several, copied tables or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.nexus.constraints import check_foreign_keys
from nexus_import.nexus.working_copy import copy_tables

from tests.nexus.live_rows import add_patient
from tests.nexus.lost_rows import add_like
from tests.nexus.manual_run import POLICY, STAGE_RUN, TABLES, ManualRun, open_importer
from tests.support.installation import Installation, start_installation

Broken = list[tuple[str, str, str, str]]
STRANGE = [*TABLES, "plan_budgets", "region_visits"]


def broken(run: ManualRun, tables: list[str] = TABLES) -> Broken:
    result = check_foreign_keys(run.connection, tables)
    return [(item.entity, str(item.nexus_id), str(item.field), str(item.detail)) for item in result.findings]


@pytest.fixture
def strange(parts: Any, stage: str) -> Iterator[ManualRun]:
    """A working copy with keys of two columns: to a copied table, and to one that is not copied."""
    with start_installation(parts, stage) as installation:
        installation.execute(
            "ALTER TABLE patients ADD UNIQUE (id, clinic_id);"
            "CREATE TABLE plan_budgets (id uuid PRIMARY KEY, patient_id uuid, clinic_id uuid,"
            " FOREIGN KEY (patient_id, clinic_id) REFERENCES patients (id, clinic_id));"
            "CREATE TABLE regions (country text, code text, PRIMARY KEY (country, code));"
            "INSERT INTO regions VALUES ('AU', 'NSW');"
            "CREATE TABLE region_visits (id uuid PRIMARY KEY, country text, code text,"
            " FOREIGN KEY (country, code) REFERENCES regions)"
        )
        add_rows(installation)
        with open_importer(installation) as connection:
            run = ManualRun(installation, connection, STAGE_RUN)
            with connection.transaction():
                copy_tables(connection, STAGE_RUN, STRANGE, POLICY.preserved, 1)
            yield run


def add_rows(installation: Installation) -> None:
    clinic = installation.value("SELECT min(id::text) FROM clinics")
    patient = add_patient(installation, clinic_id=clinic)
    add_like(installation, "plan_budgets", patient_id=patient, clinic_id=clinic)
    add_like(
        installation, "plan_budgets", id="90000000-0000-4000-8000-000000000011", patient_id=patient, clinic_id=None
    )
    add_like(installation, "region_visits", country="AU", code="NSW")


def test_keys_hold_in_a_copy_that_nobody_worked_on(run: ManualRun) -> None:
    assert broken(run) == []


def test_key_of_a_table_that_is_not_copied_counts(run: ManualRun) -> None:
    invoice = run.installation.value("SELECT min(invoice_link_id::text) FROM xero_payments")
    run.work("DELETE FROM nexus_work.xero_invoice_links WHERE id = %s", invoice)
    payments = run.installation.value("SELECT count(*) FROM xero_payments WHERE invoice_link_id = %s", invoice)
    found = [item for item in broken(run) if item[0] == "xero_payments"]
    assert found == [("xero_payments", "None", "invoice_link_id", "no such row in xero_invoice_links")] * payments


def test_what_live_nexus_got_since_the_copy_does_not_count(run: ManualRun) -> None:
    invoice = add_like(run.installation, "xero_invoice_links")
    add_like(run.installation, "xero_payments", invoice_link_id=invoice)
    assert broken(run) == []


def test_keys_of_two_columns_hold(strange: ManualRun) -> None:
    assert broken(strange, STRANGE) == []


def test_key_of_two_columns_that_points_at_nothing_is_named(strange: ManualRun) -> None:
    strange.work("UPDATE nexus_work.patients SET clinic_id = NULL")
    row = strange.installation.value("SELECT id::text FROM plan_budgets WHERE clinic_id IS NOT NULL")
    assert broken(strange, STRANGE) == [("plan_budgets", row, "patient_id, clinic_id", "no such row in patients")]


def test_key_of_two_columns_to_a_table_that_is_not_copied_is_named(strange: ManualRun) -> None:
    strange.work("UPDATE nexus_work.region_visits SET code = 'QLD'")
    row = strange.installation.value("SELECT id::text FROM region_visits")
    assert broken(strange, STRANGE) == [("region_visits", row, "country, code", "no such row in regions")]
