"""PostgreSQL's errors reach a log without the values that they quote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from nexus_import.nexus.database_errors import describe
from psycopg import Connection

from tests.support.installation import start_installation

SECRET = "Wilhelmina 04.03.1950"


@pytest.fixture(scope="module")
def connection(parts: Any) -> Iterator[Connection[Any]]:
    with start_installation(parts) as installation, installation.owner() as connection:
        yield connection


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (f"SELECT '{SECRET}'::date", "InvalidDatetimeFormat 22007"),
        (f"SELECT '{SECRET}'::uuid", "InvalidTextRepresentation 22P02"),
        (f"INSERT INTO notes (id, content) VALUES (gen_random_uuid(), '{SECRET}')", "NotNullViolation 23502"),
        (f"UPDATE patients SET mrn = '{SECRET}'", "UniqueViolation 23505"),
        (f"UPDATE patients SET title = '{SECRET}'", "StringDataRightTruncation 22001"),
        (f"DO $$ BEGIN RAISE EXCEPTION '{SECRET}'; END $$", "RaiseException P0001"),
    ],
)
def test_error_is_named_without_the_value(connection: Connection[Any], statement: str, named: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    said = describe(caught.value)
    assert named in said
    assert "a value broke a rule" in said
    assert not set(SECRET.split()) & set(said.replace("'", " ").split())


def test_table_column_and_constraint_are_named(connection: Connection[Any]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("UPDATE patients SET mrn = 'same'")
    assert "(table patients, constraint patients_mrn_key)" in describe(caught.value)
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("UPDATE notes SET content = NULL")
    assert "(table notes, column content)" in describe(caught.value)


def test_refused_right_keeps_postgresqls_words(connection: Connection[Any]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT * FROM pg_authid")
    assert "permission denied for table pg_authid" in describe(caught.value)


def test_lost_connection_is_a_sentence() -> None:
    assert "the connection was lost or could not be made" in describe(psycopg.OperationalError("host=secret"))
    assert "secret" not in describe(psycopg.OperationalError("host=secret"))
