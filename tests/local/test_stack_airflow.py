"""The whole stack with Airflow's processes and a small DAG; and the demo, interrupted."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from local import watchdog
from local.airflow_client import AirflowClientError
from local.follow import RunFollower
from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE, REPOSITORY
from local.stack import FILEMAKER_POOL, Stack

pytestmark = pytest.mark.stack

DAG_ID = "small"
DAG_FILE = """
import logging
from airflow.sdk import dag, task

log = logging.getLogger("small")

@dag(dag_id="small", schedule=None, params={"answer": 1, "broken": False})
def small():
    @task(pool="filemaker")
    def count(params=None):
        log.info("Phase 3: ✅ Imported %d patients", params["answer"])
        return {"patient_count": params["answer"]}

    @task
    def outcome(counts, params=None):
        log.info("Phase 8: Running validation...")
        if params["broken"]:
            raise RuntimeError("❌ clear count with downstream")
        return counts["patient_count"]

    outcome(count())

small()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    (directory / "dags").mkdir()
    (directory / "dags" / "small.py").write_text(DAG_FILE)
    with Stack(
        directory / "state", scale=0.01, dags_folder=directory / "dags", plugins_folder=directory / "none"
    ) as stack:
        stack.airflow.wait_for_dag(DAG_ID)
        stack.airflow.unpause(DAG_ID)
        yield stack


def run_small(stack: Stack, **conf: object) -> tuple[str, str]:
    run_id = stack.airflow.trigger(DAG_ID, conf)
    return run_id, stack.airflow.wait(DAG_ID, run_id)["state"]


def test_a_run_is_triggered_followed_and_read(stack):
    client = stack.airflow
    run_id, state = run_small(stack, answer=42)
    assert state == "success"
    assert client.xcom(DAG_ID, run_id, "outcome") == 42
    follower = RunFollower(client, DAG_ID, run_id)
    assert list(follower.new_lines()) == ["Phase 3: ✅ Imported 42 patients", "Phase 8: Running validation..."]
    assert follower.is_ended
    assert not list(follower.new_lines())
    assert "trigger_dag_run" in {event["event"] for event in client.event_logs(DAG_ID)}


def test_a_failed_run_tells_its_verdict_and_can_be_cleared(stack):
    client = stack.airflow
    run_id, state = run_small(stack, broken=True)
    assert state == "failed"
    line = RunFollower(client, DAG_ID, run_id).last_line_of_outcome()
    assert line.endswith("❌ clear count with downstream")
    assert sorted(client.clear(DAG_ID, run_id, ["count"])) == ["count", "outcome"]
    assert client.wait(DAG_ID, run_id)["state"] == "failed"
    assert {each["task_id"]: each["try_number"] for each in client.task_instances(DAG_ID, run_id)} == {
        "count": 2,
        "outcome": 2,
    }


def test_a_viewer_may_look_and_not_trigger(stack):
    assert stack.viewer.dag(DAG_ID) is not None
    with pytest.raises(AirflowClientError) as refused:
        stack.viewer.trigger(DAG_ID)
    assert refused.value.status == 403


def test_the_pool_limits_filemaker_sessions(stack):
    stack.airflow.set_pool(FILEMAKER_POOL, 2, "changed")
    stack.airflow.set_pool(FILEMAKER_POOL, 3, "as before")
    assert stack.airflow.request("GET", f"pools/{FILEMAKER_POOL}")["slots"] == 3


def test_runs_go_on_after_the_metadata_database_crashed(stack):
    stack.metadata.crash()
    run_id, state = run_small(stack, answer=7)
    assert state == "success"
    assert stack.airflow.xcom(DAG_ID, run_id, "outcome") == 7


def test_everything_listens_on_loopback_only(stack):
    roots = {stack.supervisor.running(name).pid for name in ("airflow", "simulator", "s3", "mail")}
    inodes = set()
    for process_id in watchdog.members(roots | {stack.metadata.pid, stack.nexus.cluster.pid}):
        for handle in Path(f"/proc/{process_id}/fd").glob("*"):
            inodes |= set(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
    listening = []
    for name in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        # the fields are: number, local address, remote address, state (0A: listens) … inode
        listening += [line.split()[1] for line in lines if line.split()[3] == "0A" and line.split()[9] in inodes]
    assert len(listening) >= 7
    assert {address.split(":")[0] for address in listening} == {"0100007F"}


def test_import_and_backup_roles_have_their_own_rights(stack):
    nexus = stack.nexus
    with psycopg.connect(nexus.uri(IMPORT_ROLE)) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM patients").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM clinics")
    with psycopg.connect(nexus.uri(BACKUP_ROLE)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE patients SET notes = ''")


def test_env_file_leads_a_shell_to_every_part(stack):
    command = f'. "{stack.env_file}"; env'
    shell = subprocess.run(["sh", "-c", command], env={}, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shell.splitlines() if "=" in line)
    assert found.items() >= stack.addresses.environment().items()
    with psycopg.connect(found["NEXUS_DB_URI"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("nexus",)


def test_parts_from_outside_are_used_and_not_started(stack, tmp_path):
    outside = stack.addresses.environment()
    with Stack(tmp_path / "second", environment=outside) as second:
        assert second.nexus is None
        assert second.metadata is None
        assert second.airflow.dag(DAG_ID) is not None
        assert not second.clinic_dir.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_no_process(number):
    mark = f"DEMO_OF_TEST={uuid4()}"
    demo = subprocess.Popen(
        ["env", mark, sys.executable, "-u", "-m", "local.demo", "--scale", "0.01"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Synthetic clinic" in line:
            break
    family = set(watchdog.members({demo.pid}))
    assert len(family) > 5
    demo.send_signal(number)
    demo.stdout.read()
    assert demo.wait() == (130 if number != signal.SIGKILL else -number)
    while watchdog.members(family) or processes_with(mark):
        # the suite's own time-out ends a wait in vain
        time.sleep(0.05)


def processes_with(variable: str) -> list[str]:
    """Return the living processes that were started with an environment variable, as `NAME=value`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(entry.name)
    return found
