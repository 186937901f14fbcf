"""PgBouncer in transaction mode, and TLS: a whole run goes through both, and what cannot is said in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nexus_import.core.doctor import Mark
from nexus_import.doctor.asking import Examination
from nexus_import.doctor.nexus_side import NexusSide
from nexus_import.errors import DatabaseRefusedError
from nexus_import.phases.common import connect
from nexus_import.settings import Settings

from tests.filemaker.certificates import make_certificate
from tests.support.installation import Installation
from tests.support.pooler import Pooler, start_pooler
from tests.support.restore_runs import make_restore_run
from tests.support.runs import Run, load_dag

RunMaker = Callable[..., Run]


def test_whole_run_goes_through_the_pooler_and_a_second_one_plans_nothing(
    through_pooler: Installation, new_run: RunMaker, pooler: Pooler
) -> None:
    run = new_run(answer="Approve").go()
    assert run.is_green, run.last_words
    database = through_pooler.database.database
    assert pooler.transactions()[database] > 50
    published = through_pooler.live()
    again = new_run().go(until="publish.make_plan")
    plan = again.results["publish.make_plan"]
    assert (plan["added_count"], plan["changed_count"], plan["removed_count"]) == (0, 0, 0)
    assert through_pooler.live() == published


def test_statement_that_was_run_often_is_run_in_another_server_process(through_pooler: Installation) -> None:
    """A statement that psycopg had prepared in the first process would not be known in the second."""
    query = "SELECT pg_backend_pid(), %s::int"
    with connect("nexus_db") as one, connect("nexus_db") as other:
        for number in range(10):
            one.execute(query, (number,))
        before = one.execute(query, (0,)).fetchall()[0][0]
        with other.transaction():
            taken = other.execute("SELECT pg_backend_pid()").fetchall()[0][0]
            after = one.execute(query, (0,)).fetchall()[0][0]
    assert before == taken != after


def test_restore_through_it_is_refused_with_what_to_do(
    through_pooler: Installation, new_run: RunMaker, pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_run().go(until="phase_0_validate.back_up_database")
    connection = json.loads(through_pooler.environment()["AIRFLOW_CONN_NEXUS_DB_RESTORE"])
    extra = {"sslmode": "verify-full", "sslrootcert": str(pooler.ca_file)}
    pooled = json.dumps(connection | {"port": pooler.port, "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB_RESTORE", pooled)
    through_pooler.execute("DELETE FROM notes")
    before = through_pooler.live()
    run = make_restore_run(through_pooler, load_dag("restore_backup"), mode="restore").go()
    assert not run.is_green
    assert "goes through a pooler" in str(run.errors["compare.compare_with_live"])
    assert through_pooler.live() == before
    direct = through_pooler.environment()["AIRFLOW_CONN_NEXUS_DB_RESTORE"]
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB_RESTORE", direct)
    run.clear("compare.compare_with_live").go()
    assert run.is_green, run.last_words


def test_doctor_sees_which_connections_are_pooled(
    through_pooler: Installation, pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(through_pooler.environment()["AIRFLOW_CONN_NEXUS_DB_RESTORE"])
    extra = {"sslmode": "verify-full", "sslrootcert": str(pooler.ca_file)}
    pooled = json.dumps(connection | {"port": pooler.port, "extra": extra})
    examination = Examination()
    NexusSide(Settings.load({})).examine(examination)
    assert {item.name for item in examination.items if item.mark is Mark.BAD} == set()
    assert "through a pooler" not in str(examination.items)
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB_RESTORE", pooled)
    examination = Examination()
    NexusSide(Settings.load({})).examine(examination)
    warned = [item for item in examination.items if item.mark is Mark.WARNING]
    assert [item.name for item in warned] == ["connection nexus_db_restore"]
    assert "own host and port" in warned[0].fix


def test_certificate_of_another_is_refused(
    through_pooler: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, _ = make_certificate(tmp_path / "other")
    change_extra(through_pooler, monkeypatch, "NEXUS_DB", sslrootcert=str(other))
    with pytest.raises(DatabaseRefusedError, match="could not be made"), connect("nexus_db"):
        pass


def test_pooler_that_knows_no_options_is_one_sentence(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pooler: Pooler
) -> None:
    """The restore too could not go through one that drops them: it keeps tables of its session beside live Nexus."""
    directory = tmp_path / "strict"
    directory.mkdir()
    passwords = installation.database.passwords
    with start_pooler(directory, installation.database.cluster, passwords, drops_options=False) as strict:
        connection = json.loads(installation.environment()["AIRFLOW_CONN_NEXUS_DB"])
        extra = {"sslmode": "verify-full", "sslrootcert": str(strict.ca_file)}
        monkeypatch.setenv("AIRFLOW_CONN_NEXUS_DB", json.dumps(connection | {"port": strict.port, "extra": extra}))
        with pytest.raises(DatabaseRefusedError), connect("nexus_db"):
            pass


def change_extra(installation: Installation, patch: pytest.MonkeyPatch, name: str, **extra: str) -> None:
    """Change the extra of the connection as it is now."""
    variable = f"AIRFLOW_CONN_{name}"
    connection = json.loads(os.environ[variable])
    patch.setenv(variable, json.dumps(connection | {"extra": connection["extra"] | extra}))
