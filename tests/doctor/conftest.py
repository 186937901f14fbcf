"""Fixtures of the doctor's tests: a deployment that is well, for a test to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

POLICY = Path(__file__).resolve().parents[2] / "include" / "policy.yaml"


@pytest.fixture(scope="session")
def mail_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    from aiosmtpd.controller import Controller

    from local.mail import MailDirectory
    from local.network import LOOPBACK, free_ports

    port = free_ports(1)[0]
    sink = Controller(MailDirectory(tmp_path_factory.mktemp("mail")), hostname=LOOPBACK, port=port)
    sink.start()
    yield port
    sink.stop()


@pytest.fixture(scope="session")
def airflow_tables(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Airflow's own tables in a database of the tests, with the DAG and the pool of a deployment."""
    from airflow.models.base import Base
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.pool import Pool
    from airflow.utils.db import import_all_models
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    import_all_models()
    made = sessionmaker(create_engine(f"sqlite:///{tmp_path_factory.mktemp('airflow')}/airflow.db"))
    with made.begin() as session:
        Base.metadata.create_all(session.get_bind())
        session.add(DagBundleModel(name="dags-folder"))
        session.flush()
        session.add(
            DagModel(dag_id="filemaker_import", bundle_name="dags-folder", is_paused=False, is_stale=False, fileloc="x")
        )
        session.add(Pool(pool="filemaker", slots=3, include_deferred=False))
    return made


@pytest.fixture
def deployment(
    parts: Any,
    airflow_tables: Any,
    mail_port: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    well: set[Any],
) -> Iterator[Any]:
    from tests.doctor.deployment import connect
    from tests.support.copies import own_include
    from tests.support.installation import start_installation

    with start_installation(parts) as installation, own_include(tmp_path) as include:
        # the words of the file, comments and all, are what a test changes
        include.joinpath("policy.yaml").write_bytes(POLICY.read_bytes())
        yield connect(installation, mail_port, monkeypatch, include, well, airflow_tables)


@pytest.fixture(scope="session")
def well(parts: Any, airflow_tables: Any, mail_port: int, tmp_path_factory: pytest.TempPathFactory) -> set[Any]:
    """What the doctor has to say about the deployment before anything is broken."""
    from tests.doctor.deployment import connect
    from tests.support.installation import start_installation

    with start_installation(parts) as installation, pytest.MonkeyPatch.context() as patch:
        made = connect(installation, mail_port, patch, tmp_path_factory.mktemp("unused"), set(), airflow_tables)
        _, lines = made.ask()
        return set(lines)
