"""The rights of the three roles: each can do its duty and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from nexus_import.nexus.links import Kind, read_links
from nexus_import.settings import Settings
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from local.nexus_database import GRANTS_FILE, NexusDatabase
from tests.nexus.manual_run import POLICY
from tests.support.installation import Installation, start_installation

WRITES = {
    "INSERT": "INSERT INTO {} SELECT * FROM {} WHERE false",
    "UPDATE": "UPDATE {} SET id = id WHERE false",
    "DELETE": "DELETE FROM {} WHERE false",
}


@pytest.fixture(scope="module")
def shared(parts: Any, stage: str) -> Iterator[Installation]:
    with start_installation(parts, stage) as installation:
        yield installation


def attempt(installation: Installation, role: str, statement: str) -> None:
    with psycopg.connect(installation.database.uri(role), autocommit=True) as connection:
        connection.execute(statement.encode())


def refused(installation: Installation, role: str, statement: str) -> bool:
    try:
        attempt(installation, role, statement)
    except (InsufficientPrivilege, ReadOnlySqlTransaction):
        return True
    return False


@pytest.mark.parametrize("verb", WRITES)
def test_import_role_writes_every_table_of_the_policy_that_is_not_untouched_and_no_other(
    shared: Installation, verb: str
) -> None:
    statement = WRITES[verb]
    tables = [name for (name,) in shared.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")]
    writable = {table for table in tables if not refused(shared, "nexus_import", statement.format(table, table))}
    assert writable == set(POLICY.copied_tables)


def test_another_configuration_adds_the_rights_it_needs_and_no_more(parts: Any) -> None:
    reference = Settings.load({"configuration": "reference"}).policy
    with start_installation(parts) as installation:
        NexusDatabase(parts.cluster, installation.database.database, parts.template.passwords).grant("reference")
        tables = installation.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
        update = WRITES["UPDATE"]
        writable = {t for (t,) in tables if not refused(installation, "nexus_import", update.format(t, t))}
    assert writable == {*POLICY.copied_tables, *reference.copied_tables}


def test_policy_decides_about_more_tables_than_the_import_may_write(shared: Installation) -> None:
    untouched = {table for table, treatment in POLICY.tables.items() if treatment == "untouched"}
    assert untouched
    assert (untouched | POLICY.preserved.keys()) & set(POLICY.copied_tables) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE patients",
        "TRUNCATE patients",
        "ALTER TABLE patients ADD COLUMN x integer",
        "CREATE TABLE public.x (id integer)",
        "CREATE INDEX ON patients (title)",
        "UPDATE clinics SET color = '#000000'",
        "UPDATE auth_user SET is_superuser = true",
        "CREATE ROLE intruder",
        "GRANT pg_write_all_data TO nexus_import",
    ],
)
def test_import_role_cannot_change_schema_configuration_or_rights(shared: Installation, statement: str) -> None:
    assert refused(shared, "nexus_import", statement)


def test_import_role_owns_its_three_schemas_and_reads_everything(shared: Installation) -> None:
    for schema in ("nexus_import", "nexus_staging", "nexus_work"):
        attempt(shared, "nexus_import", f"CREATE TABLE {schema}.x (id integer); DROP TABLE {schema}.x")
    attempt(shared, "nexus_import", "SELECT * FROM clinics, auth_user, gmail_connections")


@pytest.mark.parametrize("table", ["patients", "appointments", "documents_document"])
def test_import_role_may_lock_what_it_publishes(shared: Installation, table: str) -> None:
    attempt(shared, "nexus_import", f"BEGIN; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE; COMMIT")


def held(installation: Installation, table: str) -> list[str]:
    """Return the locks that the import's role has on a table after it asked for the table to be held still."""
    with psycopg.connect(installation.database.uri("nexus_import")) as connection:
        answer = connection.execute("SELECT nexus_import.hold_still(%s)", (table,)).fetchall()[0][0]
        locks = connection.execute(
            "SELECT mode FROM pg_locks WHERE relation = to_regclass(%s) AND mode <> 'AccessShareLock'", (table,)
        )
        modes = [mode for (mode,) in locks]
        assert bool(modes) is answer
        return modes


def test_import_role_holds_still_what_it_may_only_read_and_policy_links_without_a_key(shared: Installation) -> None:
    untouched = {table for table, treatment in POLICY.tables.items() if treatment == "untouched"}
    with shared.importer() as connection:
        links = read_links(connection, POLICY.data_policy())
    unguarded = {link.table for link in links if link.kind is not Kind.FOREIGN_KEY and link.table in untouched}
    assert unguarded == {"sent_emails", "xero_sync_logs", "django_admin_log"}
    for table in unguarded:
        assert held(shared, table) == ["ShareLock"]
        assert refused(shared, "nexus_import", f"BEGIN; LOCK TABLE {table} IN SHARE MODE")


@pytest.mark.parametrize("table", ["patients", "clinics", "auth_user", "no_such_table", "sent_emails; --"])
def test_import_role_holds_nothing_else_still(shared: Installation, table: str) -> None:
    with psycopg.connect(shared.database.uri("nexus_import")) as connection:
        assert connection.execute("SELECT nexus_import.hold_still(%s)", (table,)).fetchall() == [(False,)]


def test_tables_are_held_with_the_rights_of_their_owner_and_for_the_import_alone(shared: Installation) -> None:
    owner = "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'hold_still'"
    assert shared.rows(owner) == [("nexus",)]
    assert refused(shared, "nexus_backup", "SELECT nexus_import.hold_still('sent_emails')")


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("table", ["patients", "clinics", "nexus_work.patients"])
def test_backup_role_reads_and_cannot_write(shared: Installation, verb: str, table: str) -> None:
    attempt(shared, "nexus_backup", f"SELECT count(*) FROM {table}")
    assert refused(shared, "nexus_backup", WRITES[verb].format(table, table))


def test_backup_role_cannot_write_the_journal(shared: Installation) -> None:
    attempt(shared, "nexus_backup", "SELECT count(*) FROM nexus_import.step")
    assert refused(shared, "nexus_backup", "UPDATE nexus_import.step SET passed = true")


def test_backup_role_makes_nothing(shared: Installation) -> None:
    for schema in ("public", "nexus_import", "nexus_work"):
        assert refused(shared, "nexus_backup", f"CREATE TABLE {schema}.x (id integer)")


@pytest.mark.parametrize("verb", WRITES)
def test_restore_role_writes_rows_but_no_schema(shared: Installation, verb: str) -> None:
    for table in ("patients", "clinics", "auth_user"):
        attempt(shared, "nexus_restore", WRITES[verb].format(table, table))
    assert refused(shared, "nexus_restore", "DROP TABLE patients")


def test_restore_role_locks_what_it_restores_sets_sequences_and_loads_beside(shared: Installation) -> None:
    attempt(
        shared,
        "nexus_restore",
        "BEGIN; CREATE TEMPORARY TABLE beside (LIKE public.patients);"
        " LOCK TABLE patients, clinics, auth_user IN SHARE ROW EXCLUSIVE MODE;"
        " SELECT setval('auth_user_id_seq', last_value) FROM auth_user_id_seq; ROLLBACK",
    )


def test_restore_role_makes_a_lost_journal_as_the_role_that_owns_it(shared: Installation) -> None:
    attempt(shared, "nexus_restore", "BEGIN; SET LOCAL ROLE nexus_import; CREATE TABLE nexus_import.y (); ROLLBACK")


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE patients",
        "ALTER TABLE patients DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE TABLE public.x (id integer)",
        "CREATE ROLE intruder",
        "SET ROLE nexus",
    ],
)
def test_restore_role_goes_round_no_rule_of_the_database(shared: Installation, statement: str) -> None:
    assert refused(shared, "nexus_restore", statement)


def test_temporary_tables_need_no_public_right(shared: Installation) -> None:
    """A database whose owner took the right from everybody still lets the restore load beside live Nexus."""
    database = shared.database.database
    with shared.database.cluster.connect(database) as connection:
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC".encode())
        connection.execute(GRANTS_FILE.read_bytes())
        try:
            attempt(shared, "nexus_restore", "CREATE TEMPORARY TABLE beside (id integer)")
            assert refused(shared, "nexus_backup", "CREATE TEMPORARY TABLE beside (id integer)")
        finally:
            connection.execute(f"GRANT TEMPORARY ON DATABASE {database} TO PUBLIC".encode())


def test_owner_of_nexus_is_no_superuser(shared: Installation) -> None:
    rows = shared.rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'nexus%' AND (rolsuper OR rolcreaterole)")
    assert rows == []


def test_grants_may_be_given_again(shared: Installation) -> None:
    with shared.database.cluster.connect(shared.database.database) as connection:
        connection.execute(GRANTS_FILE.read_bytes())
