"""The engineer runs the doctor beside the scheduler, as the handbook says, and reads its lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack

pytestmark = pytest.mark.stack

COMMAND = (sys.executable, "-m", "nexus_import.doctor")
REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 180
CONNECTION = "filemaker_default"


@pytest.fixture
def in_airflows_database(stack: Stack) -> Iterator[dict[str, str]]:
    """The environment of the tasks, with the connection to FileMaker kept in Airflow's database instead."""
    places = stack.addresses
    stack.airflow.request(
        "POST",
        "connections",
        json={
            "connection_id": CONNECTION,
            "conn_type": "filemaker",
            "host": places.filemaker_url,
            "schema": places.filemaker_database,
            "login": places.filemaker_user,
            "password": places.filemaker_password,
        },
    )
    environment = stack.airflow_environment()
    del environment[f"AIRFLOW_CONN_{CONNECTION.upper()}"]
    yield environment | {"PYTHONPATH": str(REPOSITORY / "plugins")}
    stack.airflow.request("DELETE", f"connections/{CONNECTION}")


def ask(environment: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    return done.returncode, done.stdout.splitlines()


def test_deployment_is_well_and_each_thing_has_one_line(in_airflows_database: dict[str, str]) -> None:
    code, lines = ask(in_airflows_database)
    assert code == 0, lines
    assert {line.split()[0] for line in lines[:-1]} <= {"✅", "⚠", "–"}
    assert any(" DAG: filemaker_import is " in line for line in lines)
    assert any(line.startswith("✅ pool: 'filemaker' has 3 slots") for line in lines)
    assert any(line.startswith("✅ Airflow's database: postgresql") for line in lines)
    assert any(line.startswith("✅ FileMaker: logged in at ") for line in lines)
    assert lines[-1].startswith(f"{len(lines) - 1} items: ")


def test_what_is_wrong_is_said_with_what_to_do_and_the_exit_code(in_airflows_database: dict[str, str]) -> None:
    code, lines = ask(in_airflows_database | {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "vera:viewer"})
    assert code == 1
    wrong = [line for line in lines if line.startswith("❌")]
    assert len(wrong) == 1
    assert wrong[0].startswith("❌ operators: Airflow knows no active user admin → ")


def test_configuration_that_nobody_has_is_said(in_airflows_database: dict[str, str]) -> None:
    code, lines = ask(in_airflows_database, "--configuration", "referense")
    assert code == 1
    assert lines[0].startswith("❌ policy: ")
    assert "reference" in lines[0]
