"""Each thing in Nexus's database is broken in turn: exactly its line turns, and names what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.doctor.deployment import Deployment
from tests.support.installation import TEMPLATE


@dataclass(frozen=True)
class Broken:
    """A statement that breaks something, run as superuser, and the one that mends what other tests share."""

    name: str
    statement: str
    mend: str
    line: str
    mark: str
    says: str
    fix: str


GRANTS = "include/sql/grants.sql"
IN_THE_DATABASE = [
    Broken(
        "import may not add patients",
        "REVOKE INSERT ON patients FROM nexus_import",
        "",
        "rights of nexus_db",
        "❌",
        "GRANT INSERT, UPDATE, DELETE ON public.patients TO nexus_import",
        GRANTS,
    ),
    Broken(
        "import may write accounts",
        "GRANT UPDATE ON auth_user TO nexus_import",
        "",
        "rights of nexus_db",
        "❌",
        "it may write auth_user",
        "REVOKE it from nexus_import",
    ),
    Broken(
        "import may create in public",
        "GRANT CREATE ON SCHEMA public TO nexus_import",
        "",
        "rights of nexus_db",
        "❌",
        "it may create things in schema public",
        "REVOKE it from nexus_import",
    ),
    Broken(
        "import does not own its schema",
        "ALTER SCHEMA nexus_work OWNER TO postgres",
        "",
        "rights of nexus_db",
        "❌",
        "it may make no tables in nexus_work",
        GRANTS,
    ),
    Broken(
        "backup may write",
        "GRANT DELETE ON clinics TO nexus_backup",
        "",
        "rights of nexus_db_backup",
        "❌",
        "it may write clinics",
        "REVOKE it from nexus_backup",
    ),
    Broken(
        "backup may not read",
        "REVOKE pg_read_all_data FROM nexus_backup",
        "GRANT pg_read_all_data TO nexus_backup",
        "rights of nexus_db_backup",
        "❌",
        "it may not read",
        GRANTS,
    ),
    Broken(
        "backup may create roles",
        "ALTER ROLE nexus_backup CREATEROLE",
        "ALTER ROLE nexus_backup NOCREATEROLE",
        "rights of nexus_db_backup",
        "❌",
        "it may create roles",
        "REVOKE it from nexus_backup",
    ),
    Broken(
        "restore may not write",
        "REVOKE pg_write_all_data FROM nexus_restore",
        "GRANT pg_write_all_data TO nexus_restore",
        "rights of nexus_db_restore",
        "❌",
        "it may not write",
        GRANTS,
    ),
    Broken(
        "restore is no member",
        "REVOKE nexus_import FROM nexus_restore",
        "GRANT nexus_import TO nexus_restore",
        "rights of nexus_db_restore",
        "❌",
        "no member of nexus_import",
        GRANTS,
    ),
    Broken(
        "no hold_still",
        "DROP FUNCTION nexus_import.hold_still(text)",
        "",
        "hold_still",
        "❌",
        "there is no function",
        GRANTS,
    ),
    Broken(
        "hold_still as the import itself",
        "ALTER FUNCTION nexus_import.hold_still(text) OWNER TO nexus_import",
        "",
        "hold_still",
        "❌",
        "does not act as nexus, who owns the patients",
        GRANTS,
    ),
    Broken(
        "a table with ids is not held still",
        "CREATE OR REPLACE FUNCTION nexus_import.hold_still(table_name text) RETURNS boolean LANGUAGE sql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT table_name IN ('sent_emails', 'xero_sync_logs') $$",
        "",
        "hold_still",
        "⚠",
        "table django_admin_log is not in hold_still",
        GRANTS,
    ),
    Broken(
        "a new table reaches patients",
        "CREATE TABLE x_new (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients);"
        " CREATE INDEX ON x_new (patient_id)",
        "",
        "schema guard tables_are_declared",
        "❌",
        "x_new: untouched",
        "under tables in include/policy.yaml",
    ),
    Broken(
        "a trigger",
        "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER x_each BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION x()",
        "",
        "schema guard no_hidden_side_effects",
        "❌",
        "x_each",
        "side_effects",
    ),
    Broken(
        "a new column",
        "ALTER TABLE patients ADD COLUMN x_new integer",
        "",
        "schema guard columns_are_known",
        "❌",
        "x_new",
        "",
    ),
    Broken(
        "a foreign key without an index",
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT indexrelid::regclass::text FROM pg_index"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indrelid = 'appointments'::regclass AND attname = 'patient_id'"
        " LOOP EXECUTE 'DROP INDEX ' || name; END LOOP; END $$",
        "",
        "schema guard foreign_keys_are_indexed",
        "⚠",
        "CREATE INDEX ON",
        "Create the index",
    ),
]


@pytest.mark.parametrize("broken", IN_THE_DATABASE, ids=lambda broken: broken.name)
def test_what_is_wrong_in_the_database_is_named(deployment: Deployment, broken: Broken) -> None:
    deployment.superuser(broken.statement)
    try:
        turned = deployment.turned()
    finally:
        if broken.mend:
            deployment.superuser(broken.mend)
    assert [(line.mark, line.name) for line in turned] == [(broken.mark, broken.line)], turned
    assert broken.says in turned[0].seen
    assert broken.fix in turned[0].fix
    assert turned[0].fix


@contextmanager
def password(deployment: Deployment, role: str, text: str) -> Iterator[None]:
    """Give a role another password for a while."""
    deployment.superuser(f"ALTER ROLE {role} PASSWORD '{text}'")
    try:
        yield
    finally:
        deployment.superuser(f"ALTER ROLE {role} PASSWORD '{deployment.installation.database.passwords[role]}'")


CONNECTIONS = ["nexus_db", "nexus_db_backup", "nexus_db_restore"]


@pytest.mark.parametrize("name", CONNECTIONS)
def test_wrong_password_is_named_and_what_needs_the_connection_is_not_looked_at(
    deployment: Deployment, name: str
) -> None:
    deployment.change_connection(name, password="not-the-password")
    turned = deployment.turned()
    assert [(line.mark, line.name) for line in turned] == [("❌", f"connection {name}")]
    assert "password authentication failed" in turned[0].seen
    assert f"password of '{name}'" in turned[0].fix
    _, lines = deployment.ask()
    assert f"rights of {name}" in {line.name for line in lines if line.mark == "–"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"port": 1}, "Connection refused"), ({"schema": "no_such"}, "does not exist"), ({"conn_type": "mysql"}, "mysql")],
    ids=["port", "database", "type"],
)
def test_connection_that_leads_nowhere_is_named(deployment: Deployment, changes: dict[str, object], says: str) -> None:
    deployment.change_connection("nexus_db", **changes)
    turned = deployment.turned()
    assert [line.name for line in turned] == ["connection nexus_db"]
    assert says in turned[0].seen
    assert turned[0].fix


def test_missing_connection_is_named(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_NEXUS_DB_RESTORE")
    turned = deployment.turned()
    assert [line.name for line in turned] == ["connection nexus_db_restore"]
    assert "there is no Airflow connection 'nexus_db_restore'" in turned[0].seen
    assert "create it with the type postgres" in turned[0].fix


def test_connections_to_two_databases_are_seen(deployment: Deployment) -> None:
    deployment.change_connection("nexus_db_backup", schema=TEMPLATE)
    turned = deployment.turned()
    assert [line.name for line in turned] == ["one database"]
    assert f"nexus_db_backup: {TEMPLATE}" in turned[0].seen


def test_owners_connection_is_one_line(deployment: Deployment) -> None:
    database = deployment.installation.database
    deployment.change_connection("nexus_db", login="nexus", password=database.passwords["nexus"])
    turned = deployment.turned()
    # the owner may write what the policy says and more: rights too many, and nothing else is wrong with it
    assert [line.name for line in turned] == ["rights of nexus_db"]
    assert "nexus_import" in turned[0].fix


def test_session_settings_that_do_not_arrive_are_seen(deployment: Deployment) -> None:
    deployment.change_connection("nexus_db", extra={"options": "-c timezone=Australia/Sydney"})
    turned = deployment.turned()
    assert [line.name for line in turned] == ["database server"]
    assert "timezone is Australia/Sydney" in turned[0].seen
    assert "ALTER ROLE" in turned[0].fix


def test_usual_password_is_no_secret(deployment: Deployment) -> None:
    with password(deployment, "nexus_backup", "changeme"):
        deployment.change_connection("nexus_db_backup", password="changeme")
        turned = deployment.turned()
    assert [line.name for line in turned] == ["secrets"]
    assert "the password of 'nexus_db_backup'" in turned[0].seen
    assert "changeme" not in str(turned)


def test_copy_that_would_be_too_large_is_seen(deployment: Deployment) -> None:
    deployment.change_policy("working_copy_limit_gib: 50", "working_copy_limit_gib: 0.0000001")
    turned = deployment.turned()
    assert [line.name for line in turned] == ["working copy"]
    assert "over the limit" in turned[0].seen


def test_mapped_column_that_nexus_does_not_have_is_named(deployment: Deployment) -> None:
    deployment.change_file("mapping/note.yaml", "  created_by:", "  created_bye:")
    turned = deployment.turned()
    assert [line.name for line in turned] == ["mapping and Nexus"]
    assert "created_bye" in turned[0].seen
    assert "include/mapping/" in turned[0].fix
