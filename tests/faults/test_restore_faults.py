"""The restore interrupted at every place where it hurts: either nothing has changed, or all of it is there."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.locking import PUBLISH_LOCK
from nexus_import.restore import Request, run
from nexus_import.settings import load_policy

from local.nexus_database import RESTORE_ROLE
from tests.faults.interrupting import CLOSED, DONE, WAIT_SECONDS, held, kill, wait_for_nobody, wait_for_writer
from tests.restore import shell
from tests.restore.scene import Scene, open_scene, start_bare
from tests.support.installation import start_installation
from tests.support.wire import PIECE, Cut, Message, cut
from tests.support.wired import Once, storage_wire

Rows = dict[str, list[bytes]]


@pytest.fixture(scope="module")
def bare_database(parts: Any) -> Iterator[str]:
    with start_bare(parts) as installation:
        yield installation.database.database


@pytest.fixture
def undamaged(parts: Any, bare_database: str) -> Iterator[Scene]:
    """Many patients and a backup of them."""
    with start_installation(parts, bare_database) as installation, open_scene(installation) as scene:
        scene.execute("CREATE TABLE patients (id uuid PRIMARY KEY, n integer, x text)")
        scene.execute("INSERT INTO patients SELECT gen_random_uuid(), n, md5(n::text) FROM generate_series(1, 20000) n")
        scene.back_up()
        yield scene


@pytest.fixture
def whole(undamaged: Scene) -> Rows:
    """The rows as the backup has them."""
    return undamaged.rows()


@pytest.fixture
def nexus(undamaged: Scene, whole: Rows) -> Scene:
    """Half of the patients went since the backup, and some were changed."""
    undamaged.execute("DELETE FROM patients WHERE n % 2 = 0; UPDATE patients SET x = 'since' WHERE n % 5 = 0")
    return undamaged


def is_inside_the_patients(message: Message) -> bool:
    return message.kind == PIECE and b"patients.csv.zst" in message.request


def test_killed_while_the_backup_is_copied_in(nexus: Scene, whole: Rows) -> None:
    before = nexus.rows()
    started: list[subprocess.Popen[str]] = []
    is_started = threading.Event()

    def kill_it(message: Message) -> None:
        assert is_started.wait(WAIT_SECONDS)
        kill(started[0])
        raise Cut

    rule = Once(is_inside_the_patients, kill_it, number=5)
    with storage_wire(nexus.installation.parts, rule) as url:
        started.append(shell.start(nexus, "--yes", S3_ENDPOINT=url))
        is_started.set()
        assert started[0].wait(WAIT_SECONDS) == -signal.SIGKILL
    assert rule.has_happened
    wait_for_nobody(nexus)
    assert nexus.rows() == before
    code, said = shell.run(nexus, "--yes")
    assert code == 0, said
    assert nexus.rows() == whole


def test_object_that_ends_halfway_is_noticed(nexus: Scene) -> None:
    before = nexus.rows()
    rule = Once(is_inside_the_patients, cut, number=5)
    with storage_wire(nexus.installation.parts, rule) as url:
        code, said = shell.run(nexus, "--yes", S3_ENDPOINT=url)
    assert rule.has_happened
    assert code == 1
    assert "The object store failed to read" in said.rstrip().splitlines()[-1]
    assert nexus.rows() == before


def test_killed_when_every_row_is_written_and_nothing_committed(nexus: Scene, whole: Rows) -> None:
    before = nexus.rows()
    with held(nexus, DONE):
        process = shell.start(nexus, "--yes")
        wait_for_writer(nexus, DONE)
        kill(process)
    wait_for_nobody(nexus)
    assert nexus.rows() == before
    assert nexus.installation.rows("SELECT * FROM nexus_import.restore") == []
    code, said = shell.run(nexus, "--yes")
    assert code == 0, said
    assert nexus.rows() == whole


def test_connection_that_is_cut_in_the_transaction(nexus: Scene) -> None:
    before = nexus.rows()
    with held(nexus, DONE):
        process = shell.start(nexus, "--yes")
        pid = wait_for_writer(nexus, DONE)
        nexus.execute_as_superuser(f"SELECT pg_terminate_backend({pid})")
        said, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    last = said.rstrip().splitlines()[-1]
    assert last.startswith("❌ PostgreSQL: AdminShutdown")
    assert "Run this again" in last
    assert nexus.rows() == before


def test_killed_right_after_the_commit_is_recognised(nexus: Scene, whole: Rows) -> None:
    with held(nexus, DONE) as at_the_end:
        process = shell.start(nexus, "--yes")
        wait_for_writer(nexus, DONE)
        with held(nexus, CLOSED):
            at_the_end.rollback()
            wait_for_writer(nexus, CLOSED)
            kill(process)
    wait_for_nobody(nexus)
    assert nexus.rows() == whole
    done = nexus.installation.rows("SELECT restore_id FROM nexus_import.restore")
    assert len(done) == 1
    code, said = shell.run(nexus, "--yes")
    assert code == 0
    assert "Nothing to restore" in said
    assert nexus.installation.rows("SELECT restore_id FROM nexus_import.restore") == done


def test_tables_locked_by_somebody_else_are_waited_for_and_then_given_up(nexus: Scene) -> None:
    before = nexus.rows()
    with nexus.installation.owner() as staff:
        with staff.transaction():
            staff.execute("SELECT * FROM patients FOR UPDATE LIMIT 1")
            staff.execute("UPDATE patients SET x = x WHERE n = 1")
            code, said = shell.run(nexus, "--yes")
        assert code == 1
        assert said.count("A live table is locked by somebody else; trying again") == 2
        assert "Live tables were locked by others for too long; live Nexus is unchanged." in said
    assert nexus.rows() == before


def test_import_that_publishes_now_is_waited_for(nexus: Scene) -> None:
    before = nexus.rows()
    with nexus.installation.importer() as importer, importer.transaction():
        importer.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISH_LOCK,))
        code, said = shell.run(nexus, "--yes")
    assert code == 1
    assert "locked by others for too long" in said
    assert nexus.rows() == before


def test_write_while_the_person_thinks_is_not_lost_unseen(nexus: Scene) -> None:
    def confirm(_: str) -> str:
        nexus.execute("INSERT INTO patients VALUES (gen_random_uuid(), -1, 'written meanwhile')")
        return "manual__the-import"

    shell.environment(nexus)  # makes the copy of include/
    policy = load_policy(nexus.include / "policy.yaml")
    uri = nexus.installation.database.uri(RESTORE_ROLE)
    request = Request(uri=uri, confirm=confirm)
    with pytest.raises(RestoreRefused, match="Live Nexus changed since it was compared with the backup"):
        run(request, nexus.store, policy)
    assert nexus.value("SELECT x FROM patients WHERE n = -1") == "written meanwhile"
