"""A Nexus with tables and columns that this project has never seen, and what a policy has to say about them."""

from __future__ import annotations

from typing import Any

from nexus_import.core.data_policy import DataPolicy

from tests.nexus.manual_run import POLICY
from tests.support.installation import Installation

TABLES = {
    "referral_forms": "CREATE TABLE referral_forms (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients (id))",
    "referral_pages": "CREATE TABLE referral_pages ("
    " id uuid PRIMARY KEY, form_id uuid NOT NULL REFERENCES referral_forms (id))",
    "plan_budgets": "CREATE TABLE plan_budgets (id uuid PRIMARY KEY, patient_id uuid, clinic_id uuid,"
    " FOREIGN KEY (patient_id, clinic_id) REFERENCES patients (id, clinic_id))",
    "tagged_items": "CREATE TABLE tagged_items (id uuid PRIMARY KEY, object_id text,"
    " content_type_id integer REFERENCES django_content_type (id))",
    "badges": "CREATE TABLE badges (id uuid PRIMARY KEY, target_type_id smallint, target_id row_reference)",
    "marks": "CREATE TABLE marks (id uuid PRIMARY KEY, subject text,"
    " kind_id integer REFERENCES django_content_type (id))",
    "tag_votes": "CREATE TABLE tag_votes (id uuid PRIMARY KEY, tag_id uuid REFERENCES tagged_items (id))",
    "patient_flags": "CREATE TABLE patient_flags (id uuid PRIMARY KEY, patient_id uuid)",
    "reporting.visits": "CREATE TABLE reporting.visits ("
    " id text, number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " appointment_id uuid REFERENCES appointments (id))",
    "episodes": "CREATE TABLE episodes (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients (id),"
    " previous_id uuid REFERENCES episodes (id))",
    "measurements": "CREATE TABLE measurements (id uuid, taken_on date, patient_id uuid REFERENCES patients (id),"
    " PRIMARY KEY (id, taken_on)) PARTITION BY RANGE (taken_on)",
}
"""Table -> what makes it; parents first."""
PREPARATION = (
    "CREATE SCHEMA reporting; CREATE DOMAIN row_reference AS uuid; ALTER TABLE patients ADD UNIQUE (id, clinic_id)"
)
PARTITIONS = (
    "CREATE TABLE measurements_early PARTITION OF measurements FOR VALUES FROM (MINVALUE) TO ('2026-01-01');"
    "CREATE TABLE measurements_late PARTITION OF measurements FOR VALUES FROM ('2026-01-01') TO (MAXVALUE)"
)
RIGHTS = (
    "GRANT USAGE ON SCHEMA reporting TO nexus_import;"
    "GRANT INSERT, UPDATE, DELETE ON referral_forms, referral_pages, plan_budgets, tagged_items, tag_votes, episodes,"
    " badges, marks, patient_flags, measurements TO nexus_import"
)
PLAIN_LINKS = {"patient_flags.patient_id": ("patients",)}
GENERIC_LINKS = {"marks": [["kind_id", "subject"]]}


def make_strange(installation: Installation) -> None:
    """Add the tables to live Nexus, with the rights that the import would need to write them."""
    for statement in (PREPARATION, *TABLES.values(), PARTITIONS, RIGHTS):
        installation.execute(statement)


def declare(treatment: str = "untouched", **changes: Any) -> DataPolicy:
    """Return the shipped policy with the strange tables declared, those of other schemas as untouched."""
    tables = {table: "untouched" if "." in table else treatment for table in TABLES}
    written = POLICY.model_dump() | {
        "tables": POLICY.tables | tables,
        "plain_links": POLICY.plain_links | PLAIN_LINKS,
        "generic_links": GENERIC_LINKS,
    }
    nexus_only = changes.pop("nexus_only", "keep")
    return type(POLICY).model_validate(written | changes, by_name=True).data_policy(nexus_only)
