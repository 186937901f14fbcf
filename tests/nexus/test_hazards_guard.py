"""What acts behind the plan's back, and who the import is to Nexus: each is named, with what to do."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.roles import Duty, require_restricted
from nexus_import.nexus.schema_guard import check_schema

from local.nexus_database import BACKUP_ROLE, GRANTS_FILE, IMPORT_ROLE, RESTORE_ROLE
from tests.nexus.manual_run import POLICY
from tests.nexus.test_schema_guard import MAPPINGS, SHIPPED, guard, said
from tests.support.installation import Installation

KEY = "CREATE TABLE visits (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients (id) {})"


@pytest.mark.parametrize(
    "rule", ["ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE SET DEFAULT", "ON UPDATE CASCADE"]
)
def test_key_that_changes_rows_by_itself_stops_the_run_until_it_is_declared(
    installation: Installation, rule: str
) -> None:
    installation.execute(KEY.format(rule))
    tables = {**SHIPPED.tables, "visits": "untouched"}
    result = guard(installation, replace(SHIPPED, tables=tables))["no_hidden_side_effects"]
    assert said(result) == [
        f"{rule} of a foreign key to patients on visits (visits_patient_id_fkey): if it may stay, add the line"
        " '  visits: [visits_patient_id_fkey]' under side_effects"
    ]
    assert not result.is_passed
    policy = replace(SHIPPED, tables=tables, side_effects={"visits": ("visits_patient_id_fkey",)})
    assert said(guard(installation, policy)["no_hidden_side_effects"]) == []


def test_key_of_a_partition_acts_for_its_table_and_others_do_not_act(installation: Installation) -> None:
    installation.execute(
        "CREATE TABLE visits (id uuid, day date, patient_id uuid, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        "CREATE TABLE late PARTITION OF visits FOR VALUES FROM (MINVALUE) TO (MAXVALUE);"
        "ALTER TABLE late ADD FOREIGN KEY (patient_id) REFERENCES patients (id) ON DELETE CASCADE;"
        "CREATE TABLE rooms (id uuid PRIMARY KEY, clinic_id uuid REFERENCES clinics (id) ON DELETE CASCADE)"
    )
    (sentence,) = said(guard(installation)["no_hidden_side_effects"])
    assert sentence.startswith("ON DELETE CASCADE of a foreign key to patients on visits (late_patient_id_fkey): ")


def test_table_that_inherits_from_a_copied_one_is_refused_whatever_the_policy_says(installation: Installation) -> None:
    installation.execute("CREATE TABLE old_patients () INHERITS (patients)")
    installation.execute("CREATE TABLE more_clinics () INHERITS (clinics)")
    policy = replace(SHIPPED, tables={**SHIPPED.tables, "old_patients": "untouched"})
    result = guard(installation, policy)["tables_are_declared"]
    (sentence,) = [text for text in said(result) if "inherits" in text]
    assert sentence.startswith("table old_patients inherits from patients: its rows count as rows of patients")
    assert "ALTER TABLE old_patients NO INHERIT patients" in sentence
    assert not result.is_passed
    installation.execute("ALTER TABLE old_patients NO INHERIT patients")
    assert said(guard(installation, policy)["tables_are_declared"]) == []


def test_untouched_table_with_ids_that_is_not_held_still_is_a_warning_with_the_line(installation: Installation) -> None:
    assert said(guard(installation)["tables_hold_still"]) == []
    installation.execute(
        "CREATE TABLE calls (id uuid PRIMARY KEY, caller_id uuid);"
        "CREATE TABLE visits (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients (id));"
        "CREATE TABLE tags (id uuid PRIMARY KEY, content_type_id integer REFERENCES django_content_type (id),"
        " object_id uuid)"
    )
    policy = replace(
        SHIPPED,
        tables={**SHIPPED.tables, **dict.fromkeys(("calls", "visits", "tags"), "untouched")},
        plain_links={**SHIPPED.plain_links, "calls.caller_id": ("patients",)},
    )
    result = guard(installation, policy)["tables_hold_still"]
    line = "IF table_name <> ALL (ARRAY['calls', 'django_admin_log', 'sent_emails', 'tags', 'xero_sync_logs'])"
    assert said(result) == [
        f"table {table} is not in hold_still; with it the line is: {line}" for table in ("calls", "tags")
    ]
    assert (result.severity, result.is_passed) == ("warn", True)
    grants = GRANTS_FILE.read_text().replace(
        "IF table_name <> ALL (ARRAY['sent_emails', 'xero_sync_logs', 'django_admin_log'])", line
    )
    with installation.database.cluster.connect(installation.database.database) as connection:
        connection.execute(grants.encode())
    assert said(guard(installation, policy)["tables_hold_still"]) == []


def test_materialized_views_are_a_warning_with_the_statements_in_their_order(installation: Installation) -> None:
    installation.execute(
        "CREATE SCHEMA figures; CREATE VIEW everyone AS SELECT id FROM patients;"
        "CREATE MATERIALIZED VIEW per_day AS SELECT id FROM everyone;"
        "CREATE MATERIALIZED VIEW figures.a_sum AS SELECT count(*) FROM per_day;"
        "CREATE MATERIALIZED VIEW of_clinics AS SELECT id FROM clinics"
    )
    result = guard(installation)["materialized_views_are_fresh"]
    assert said(result) == ["REFRESH MATERIALIZED VIEW per_day", "REFRESH MATERIALIZED VIEW figures.a_sum"]
    assert (result.severity, result.is_passed) == ("warn", True)


def test_unique_keys_that_two_rows_cannot_swap_are_a_warning(installation: Installation) -> None:
    installation.execute(
        "ALTER TABLE appointments ADD CONSTRAINT one_at_a_time UNIQUE (clinician_id, start_time);"
        "CREATE UNIQUE INDEX by_name ON patients (lower(last_name)) WHERE false;"
        "ALTER TABLE patients ADD CONSTRAINT own UNIQUE (id, clinic_id), ADD CONSTRAINT patient UNIQUE (title, dob)"
        " DEFERRABLE, ADD CONSTRAINT number UNIQUE (health_number);"
        "DELETE FROM notes; ALTER TABLE notes ADD CONSTRAINT text UNIQUE (content)"
    )
    result = guard(installation)["unique_values_can_be_swapped"]
    assert said(result) == [
        "one_at_a_time of appointments (btree (clinician_id, start_time))",
        "text of notes (btree (content))",
        "by_name of patients (btree (lower((last_name)::text)) WHERE false)",
    ]
    assert (result.severity, result.is_passed) == ("warn", True)


def connection_check(installation: Installation, role: str) -> CheckResult:
    with psycopg.connect(installation.database.uri(role), autocommit=True) as connection:
        results = check_schema(connection, SHIPPED, POLICY.preserved, MAPPINGS, lambda check_id, default: default)
    return next(result for result in results if result.check_id == "phase_0/connection_is_restricted")


def test_owners_connection_is_a_finding_with_the_role_to_create(installation: Installation) -> None:
    result = connection_check(installation, "nexus")
    (sentence,) = said(result)
    assert sentence.startswith("the connection for the import comes to Nexus as nexus, and it may alter and drop ")
    assert " and it may empty " in sentence
    assert "CREATE ROLE nexus_import LOGIN" in sentence
    assert "include/sql/grants.sql" in sentence
    assert not result.is_passed
    assert said(connection_check(installation, IMPORT_ROLE)) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("GRANT nexus TO {}", "it may alter and drop "),
        ("GRANT TRUNCATE ON patients TO {}", r"it may empty 1 tables of Nexus \(TRUNCATE\)"),
        ("ALTER TABLE clinics OWNER TO {}", "it may alter and drop 1 tables of Nexus"),
    ],
)
def test_every_way_to_more_than_rows_is_said(installation: Installation, statement: str, says: str) -> None:
    """In a transaction that is rolled back: roles are the cluster's, which other tests share."""
    with installation.database.cluster.connect(installation.database.database) as connection:
        duties: dict[Duty, str] = {"import": IMPORT_ROLE, "backup": BACKUP_ROLE, "restore": RESTORE_ROLE}
        for duty, role in duties.items():
            with connection.transaction(force_rollback=True):
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                require_restricted(connection, duty)
            with connection.transaction(force_rollback=True):
                connection.execute(statement.format(role).encode())
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                with pytest.raises(ConfigurationError, match=f"^Nothing was done: the .* the {duty} .*{says}"):
                    require_restricted(connection, duty)


def test_superusers_connection_is_named(installation: Installation) -> None:
    with (
        installation.database.cluster.connect(installation.database.database) as connection,
        pytest.raises(ConfigurationError, match="and it is a superuser: nothing would keep a mistake"),
    ):
        require_restricted(connection, "import")
