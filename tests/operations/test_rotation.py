"""Passwords are changed between two runs: the next one works; a wrong one is one sentence and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE
from local.simulator import Simulator
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.wire import HTTP_METHODS, Action, Cut, Message
from tests.support.wired import STORAGE, open_wires

RunMaker = Callable[..., Run]
NEW_PASSWORD = "after-the-rotation"
DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
UNTIL_READ = "phase_0_validate.gate"


@contextmanager
def rotated(installation: Installation, role: str) -> Iterator[None]:
    """Give a role of Nexus a new password for a while: all tests share the roles."""
    cluster = installation.database.cluster
    cluster.create_role(role, NEW_PASSWORD)
    try:
        yield
    finally:
        cluster.create_role(role, installation.database.passwords[role])


def change(installation: Installation, patch: pytest.MonkeyPatch, name: str, **parts: Any) -> None:
    connection = json.loads(installation.environment()[name])
    patch.setenv(name, json.dumps(connection | parts))


@pytest.mark.parametrize(
    ("role", "name", "failing"),
    [
        (IMPORT_ROLE, "AIRFLOW_CONN_NEXUS_DB", "start.record_attempt"),
        (BACKUP_ROLE, "AIRFLOW_CONN_NEXUS_DB_BACKUP", "phase_0_validate.back_up_database"),
    ],
)
def test_new_password_of_nexus_is_missed_in_one_sentence_and_then_works(
    installation: Installation,
    new_run: RunMaker,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    name: str,
    failing: str,
) -> None:
    before = installation.live()
    with rotated(installation, role):
        run = new_run("rehearse").go(until=failing)
        assert str(run.errors[failing]).count("\n") == 0
        assert "the connection was lost or could not be made" in str(run.errors[failing])
        assert NEW_PASSWORD not in str(run.errors[failing])
        change(installation, monkeypatch, name, password=NEW_PASSWORD)
        run.clear(failing).go(until=failing)
        assert run.states[failing] == "success"
    assert installation.live() == before


def test_new_password_of_filemaker_is_missed_in_one_sentence_and_then_works(
    installation: Installation, new_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installation.parts.clinic / "filemaker"
    layouts = {path.stem: json.loads(path.read_text()) for path in folder.glob("API_*.json")}
    account = json.loads((folder / "database.json").read_text()) | {"password": NEW_PASSWORD}
    with Simulator.from_dataset(account | {"layouts": layouts}) as changed:
        change(installation, monkeypatch, "AIRFLOW_CONN_FILEMAKER_DEFAULT", host=changed.url)
        run = new_run("rehearse").go(until="phase_0_validate.verify_filemaker")
        said = str(run.errors["phase_0_validate.verify_filemaker"])
        assert "212" in said
        assert changed.control.state()["logins_refused"] == 1, "more would lock the account"
        change(
            installation,
            monkeypatch,
            "AIRFLOW_CONN_FILEMAKER_DEFAULT",
            host=changed.url,
            password=NEW_PASSWORD,
        )
        run.clear("phase_0_validate.verify_filemaker").go(until=UNTIL_READ)
        assert run.results[UNTIL_READ] is True


def test_key_that_the_store_refuses_is_one_sentence_and_the_next_one_works(
    installation: Installation, new_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: Message) -> None:
        raise Cut(DENIED)

    def rule(message: Message) -> Action | None:
        return refuse if message.wire == STORAGE and message.kind in HTTP_METHODS else None

    backup = "phase_0_validate.back_up_database"
    with open_wires(installation, rule) as environment:
        monkeypatch.setenv("AIRFLOW_CONN_NEXUS_S3", environment["AIRFLOW_CONN_NEXUS_S3"])
        run = new_run("rehearse").go(until=backup)
    said = str(run.errors[backup])
    assert "The object store failed to" in said
    assert "Are address, bucket and key of its Airflow connection right?" in said
    monkeypatch.setenv("AIRFLOW_CONN_NEXUS_S3", installation.environment()["AIRFLOW_CONN_NEXUS_S3"])
    run.clear(backup).go(until=backup)
    assert run.states[backup] == "success"
