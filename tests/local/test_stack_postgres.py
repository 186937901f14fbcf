"""PostgresCluster: started, stopped, crashed, as root and as a normal user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import watchdog
from local.network import is_listening
from local.nexus_database import REPOSITORY
from local.postgres import NOBODY, PostgresCluster
from local.processes import StackError

NORMAL_USER_SCRIPT = """
import os, sys
from pathlib import Path
from local.postgres import PostgresCluster
with PostgresCluster(Path(sys.argv[1]) / "data") as cluster, cluster.connect() as connection:
    print(os.geteuid(), connection.execute("SELECT 1").fetchone()[0])
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    with PostgresCluster(tmp_path_factory.mktemp("cluster") / "data") as cluster:
        yield cluster


def test_committed_rows_survive_a_crash(cluster):
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        before = cluster.pid
        cluster.crash()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert cluster.pid != before
    with cluster.connect() as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_stop_leaves_no_process_and_start_finds_the_data(tmp_path):
    cluster = PostgresCluster(tmp_path / "data")
    cluster.start()
    cluster.create_role("owner", "secret")
    cluster.create_database("clinic", "owner")
    process_id = cluster.pid
    cluster.stop()
    assert not cluster.running
    assert not watchdog.members({process_id})
    assert not is_listening(cluster.port)
    with cluster, psycopg.connect(cluster.uri("clinic", "owner", "secret")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("owner",)


def test_owner_is_no_superuser_and_may_create_tables(cluster):
    cluster.create_role("nexus", "first")
    cluster.create_role("nexus", "second")
    cluster.create_database("nexus_test", "nexus")
    with psycopg.connect(cluster.uri("nexus_test", "nexus", "second")) as connection:
        connection.execute("CREATE TABLE public.patients (id int)")
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'nexus'").fetchone()
    assert row == (False,)


def test_wrong_password_is_refused(cluster):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.uri(password="wrong"))


def test_listens_on_loopback_only(cluster):
    with cluster.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_durable_cluster_waits_for_the_disk(tmp_path, durable, fsync):
    with PostgresCluster(tmp_path / "data", durable=durable) as cluster, cluster.connect() as connection:
        assert connection.execute("SHOW fsync").fetchone() == (fsync,)


def test_port_in_use_is_told_with_the_servers_own_words(cluster, tmp_path):
    with pytest.raises(StackError, match=r"could not bind|Address already in use"):
        PostgresCluster(tmp_path / "data", port=cluster.port).start()


def test_failing_statements_are_not_logged_with_their_values(cluster):
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS one (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO one VALUES (7, 'Someone Private') ON CONFLICT DO NOTHING")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO one VALUES (7, 'Someone Private')")
    log = cluster.log_file.read_text()
    assert "duplicate key" in log
    assert "Someone Private" not in log


BECOME_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def interpreter_for_nobody(environment: dict[str, str]) -> str | None:
    """Return an interpreter that `nobody` may start; the one of the tests may lie in root's home."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        # by way of a shell: setpriv itself still starts programs with root's rights to the path
        command = [*BECOME_NOBODY, "sh", "-c", '"$0" -c "import psycopg"', candidate]
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_runs_as_a_normal_user():
    directory = Path(tempfile.mkdtemp(prefix="nobody-"))
    shutil.chown(directory, NOBODY, NOBODY)
    packages = Path(psycopg.__file__).parents[1]
    environment = os.environ | {"HOME": str(directory), "PYTHONPATH": f"{REPOSITORY}:{packages}"}
    try:
        interpreter = interpreter_for_nobody(environment)
        if interpreter is None:
            pytest.skip("no interpreter lies where a normal user may read")
        done = subprocess.run(
            [*BECOME_NOBODY, interpreter, "-c", NORMAL_USER_SCRIPT, str(directory)],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(directory)
    assert done.stdout.split() == [str(NOBODY), "1"], done.stderr
