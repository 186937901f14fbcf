"""The way from the API server to Nexus: a connection of the environment, or of Airflow's own database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow import settings
from airflow.models.base import Base
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from nexus_import.web.airflow_side import ThisAirflow

from local.nexus_database import IMPORT_ROLE
from tests.web.pages import ScriptedAirflow, open_pages


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Airflow's database, as much of it as holds connections; the environment names none."""
    monkeypatch.delenv("AIRFLOW_CONN_NEXUS_DB", raising=False)
    tables = [Base.metadata.tables[name] for name in ("team", "connection")]
    Base.metadata.create_all(settings.engine, tables=tables)
    yield
    Base.metadata.drop_all(settings.engine, tables=tables)


def test_the_connection_of_the_environment_is_used(installation: Any) -> None:
    with ThisAirflow().open_journal() as connection:
        assert connection.execute("SELECT current_user").fetchone() == (IMPORT_ROLE,)


def test_the_connection_of_airflows_database_is_used(installation: Any, metadata: None) -> None:
    with create_session() as session:
        session.add(Connection(conn_id="nexus_db", uri=installation.database.uri(IMPORT_ROLE)))
    with ThisAirflow().open_journal() as connection:
        assert connection.execute("SELECT current_user").fetchone() == (IMPORT_ROLE,)


def test_no_connection_is_said_in_words(metadata: None) -> None:
    answer = open_pages(ScriptedAirflow()).get("/")
    assert answer.status_code == 503
    assert "Airflow cannot reach Nexus" in answer.text
    assert "nexus_db" in answer.text
