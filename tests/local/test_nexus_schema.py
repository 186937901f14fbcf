"""The reference schema behaves like the application's own: no defaults, deferred keys, the same unique rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from local.clinic import create_schema
from local.postgres import PostgresCluster

PASSWORD = "owner-of-the-test-schema"
TABLE_COUNT = 42
FOREIGN_KEY_COUNT = 56
NOW = "2026-03-02 09:00:00+11"


@pytest.fixture(scope="module")
def owner_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with PostgresCluster(tmp_path_factory.mktemp("schema") / "data") as cluster:
        cluster.create_role("nexus", PASSWORD)
        cluster.create_database("nexus", "nexus")
        uri = cluster.uri("nexus", "nexus", PASSWORD)
        create_schema(uri)
        yield uri


@pytest.fixture
def connection(owner_uri: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_uri) as opened:
        yield opened
        opened.rollback()


def add_patient(connection: psycopg.Connection, mrn: str | None = None) -> str:
    patient_id = str(uuid4())
    connection.execute(
        "INSERT INTO patients (id, mrn, first_name, last_name, archived, created_at, updated_at)"
        " VALUES (%s, %s, 'A', 'B', false, %s, %s)",
        [patient_id, mrn, NOW, NOW],
    )
    return patient_id


def add_contact_link(connection: psycopg.Connection, patient_id: str | None, connection_id: str) -> None:
    connection.execute(
        "INSERT INTO xero_contact_links (id, connection_id, patient_id, xero_contact_id, xero_contact_number,"
        " xero_contact_name, is_active, created_at, updated_at) VALUES (%s, %s, %s, '', '', '', true, %s, %s)",
        [str(uuid4()), connection_id, patient_id, NOW, NOW],
    )


def test_every_table_is_there(connection: psycopg.Connection) -> None:
    row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (TABLE_COUNT,)


def test_no_column_has_a_default(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT adrelid::regclass FROM pg_attrdef").fetchall() == []


def test_foreign_keys_are_deferred_and_take_no_action(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "SELECT condeferrable, condeferred, confdeltype, confupdtype, count(*)"
        " FROM pg_constraint WHERE contype = 'f' GROUP BY 1, 2, 3, 4"
    ).fetchall()
    assert rows == [(True, True, "a", "a", FOREIGN_KEY_COUNT)]


def test_foreign_keys_are_indexed(connection: psycopg.Connection) -> None:
    """A delete looks its children up by these; without an index it reads every table as a whole."""
    rows = connection.execute(
        "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f' AND NOT EXISTS ("
        " SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])"
    ).fetchall()
    assert rows == []


def test_keys_are_uuids_but_for_the_frameworks_own_tables(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "SELECT table_name::text FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'id' AND data_type <> 'uuid' AND is_identity = 'YES'"
    ).fetchall()
    integer_keys = {table for (table,) in rows}
    assert integer_keys == {
        "auth_user",
        "django_admin_log",
        "django_content_type",
        "invoices_emailglobalsettings",
    }


def test_columns_stand_in_the_applications_order(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "SELECT column_name::text FROM information_schema.columns"
        " WHERE table_name = 'images_batch' ORDER BY ordinal_position"
    ).fetchall()
    assert [name for (name,) in rows] == [
        "id",
        "content_type_id",
        "object_id",
        "name",
        "description",
        "uploaded_by_id",
        "uploaded_at",
        "image_count",
        "metadata",
    ]


def test_deleting_a_patient_fails_only_at_commit(owner_uri: str) -> None:
    with psycopg.connect(owner_uri) as connection:
        patient_id = add_patient(connection)
        connection.execute(
            "INSERT INTO notes (id, patient_id, note_type, content, created_at, updated_at)"
            " VALUES (%s, %s, 'other', 'x', %s, %s)",
            [str(uuid4()), patient_id, NOW, NOW],
        )
        connection.commit()
        connection.execute("DELETE FROM patients WHERE id = %s", [patient_id])
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.commit()


def test_truncating_patients_is_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("TRUNCATE patients")


def test_mrn_may_be_null_twice_but_not_equal(connection: psycopg.Connection) -> None:
    add_patient(connection)
    add_patient(connection)
    add_patient(connection, mrn="MRN1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        add_patient(connection, mrn="MRN1")


def test_contact_link_needs_a_patient_or_a_company(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        add_contact_link(connection, None, str(uuid4()))


def test_patient_has_one_contact_link_per_connection(connection: psycopg.Connection) -> None:
    patient_id, first, second = add_patient(connection), str(uuid4()), str(uuid4())
    add_contact_link(connection, patient_id, first)
    add_contact_link(connection, patient_id, second)
    with pytest.raises(psycopg.errors.UniqueViolation):
        add_contact_link(connection, patient_id, first)


def test_schema_is_created_whole_or_not_at_all(owner_uri: str) -> None:
    with pytest.raises(psycopg.errors.DuplicateTable):
        create_schema(owner_uri)


def test_files_are_numbered_in_order() -> None:
    directory = Path(__file__).resolve().parents[2] / "local" / "nexus"
    numbers = [int(path.name[:3]) for path in sorted(directory.glob("*.sql"))]
    assert numbers == [10 * (place + 1) for place in range(len(numbers))]
