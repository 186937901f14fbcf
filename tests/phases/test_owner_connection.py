"""Who comes to Nexus's database: no task as its owner; an owner's connection is refused before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE, OWNER, RESTORE_ROLE
from tests.support.copies import connected
from tests.support.installation import Installation
from tests.support.restore_runs import make_restore_run
from tests.support.runs import Run, load_dag
from tests.support.wire import STARTUP, Message
from tests.support.wired import wired

START = "start.record_attempt"
BACK_UP = "phase_0_validate.back_up_database"


@pytest.fixture(scope="session")
def restore_dag() -> Any:
    return load_dag("restore_backup")


@pytest.fixture
def watched(installation: Installation) -> Callable[..., dict[str, set[str]]]:
    """Return a function that runs a run and gives the roles that came to Nexus, by task."""

    def watch(run: Run) -> dict[str, set[str]]:
        roles: dict[str, set[str]] = {}

        def note(message: Message) -> None:
            if message.kind == STARTUP and b"user\0" in message.body:
                role = message.body.split(b"user\0", 1)[1].split(b"\0", 1)[0].decode()
                roles.setdefault(at_work[-1], set()).add(role)

        at_work = [""]
        plain = run._call

        def call(task: Any) -> Any:
            at_work.append(task.task_id)
            return plain(task)

        run._call = call  # type: ignore[method-assign]
        with wired(installation, note):
            run.go()
        return roles

    return watch


def test_no_task_of_an_import_or_a_restore_comes_as_the_owner(
    installation: Installation, new_run: Any, restore_dag: Any, watched: Callable[..., dict[str, set[str]]]
) -> None:
    run = new_run()
    roles = watched(run)
    assert run.is_green, run.last_words
    assert set().union(*roles.values()) == {IMPORT_ROLE, BACKUP_ROLE}
    assert {task for task, seen in roles.items() if BACKUP_ROLE in seen} == {BACK_UP}
    ended = {task.task_id for task in run.dag.tasks if task.task_id.startswith("end.")}
    assert ended <= roles.keys()

    restore = make_restore_run(installation, restore_dag, mode="restore", backup=run.run_id)
    roles = watched(restore)
    assert restore.is_green, restore.last_words
    assert set().union(*roles.values()) == {IMPORT_ROLE, BACKUP_ROLE, RESTORE_ROLE}
    assert roles["end.outcome"] == {IMPORT_ROLE}
    assert {task for task, seen in roles.items() if BACKUP_ROLE in seen} == {"restore.restore_tables"}


def test_owners_connection_is_refused(installation: Installation, new_run: Any) -> None:
    before = installation.live()
    with connected(installation, NEXUS_DB=OWNER):
        run = new_run().go()
    assert "the connection for the import comes to Nexus as nexus, and it may alter and drop" in str(run.errors[START])
    assert BACK_UP not in run.results
    assert not run.is_green
    assert installation.live() == before
    assert run.clear(START).go().is_green


def test_owners_connection_for_the_backup_is_refused(installation: Installation, new_run: Any) -> None:
    with connected(installation, NEXUS_DB_BACKUP=OWNER):
        run = new_run("rehearse").go(until=BACK_UP)
    assert "the connection for the backup comes to Nexus as nexus" in str(run.errors[BACK_UP])
    assert installation.value("SELECT count(*) FROM nexus_import.backup") == 0


def test_owners_connection_for_the_restore_is_refused(installation: Installation, restore_dag: Any) -> None:
    with connected(installation, NEXUS_DB_RESTORE=OWNER):
        run = make_restore_run(installation, restore_dag, mode="rehearse").go()
    assert "the connection for the restore comes to Nexus as nexus" in str(run.errors["backup.choose_backup"])
