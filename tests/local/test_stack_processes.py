"""Programs, the supervisor and the watchdog: restarted when they end, and nothing left at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import watchdog
from local.network import free_ports, is_listening
from local.nexus_database import REPOSITORY
from local.processes import Program, RunningProgram, StackError
from local.state import claim_state_directory, write_env_file
from local.supervisor import RESTARTS_MAX, Supervisor

WAIT_SECONDS = 30.0

# its child leaves the process group, as Airflow's tasks do, and ignores the polite signal
STUBBORN_FAMILY = """
import os, signal, sys, time
from pathlib import Path
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""

# its child opens a session of its own, as PostgreSQL's do
SESSION_LEAVER = STUBBORN_FAMILY.replace("os.setpgid(0, 0)", "os.setsid()")

LAUNCHER = """
import sys, time
from pathlib import Path
from local.processes import Program, RunningProgram
directory = Path(sys.argv[1])
command = (sys.executable, "-c", sys.argv[2], str(directory / "child"))
running = RunningProgram(Program("family", command, directory / "log"))
(directory / "leader").write_text(str(running.pid))
time.sleep(600)
"""

# ends itself with SIGKILL where it would tell its watchdog of the program it has just started
LAUNCHER_KILLED_WHILE_STARTING = """
import os, signal, sys
from pathlib import Path
from local import processes
directory = Path(sys.argv[1])
def die(message):
    (directory / "leader").write_text(message.split()[2])
    os.kill(os.getpid(), signal.SIGKILL)
processes._guard.tell = die
command = (sys.executable, "-c", sys.argv[2], str(directory / "child"))
processes.RunningProgram(processes.Program("family", command, directory / "log"))
"""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def read_pid(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def is_alive(process_id: int) -> bool:
    return process_id in watchdog.members({process_id})


def python(tmp_path: Path, code: str, *arguments: str, **options) -> Program:
    return Program("program", (sys.executable, "-c", code, *arguments), tmp_path / "log", **options)


@pytest.mark.parametrize("family", [STUBBORN_FAMILY, SESSION_LEAVER], ids=["group", "session"])
def test_stop_ends_a_stubborn_child_too(tmp_path, family):
    running = RunningProgram(python(tmp_path, family, str(tmp_path / "child"), stop_seconds=0.2))
    child = read_pid(tmp_path / "child")
    running.stop()
    assert not is_alive(child)
    assert not is_alive(running.pid)


@pytest.mark.parametrize("family", [STUBBORN_FAMILY, SESSION_LEAVER], ids=["group", "session"])
def test_nothing_is_left_when_the_launcher_is_killed(tmp_path, family):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path), family],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    leader, child = read_pid(tmp_path / "leader"), read_pid(tmp_path / "child")
    assert is_alive(leader)
    assert is_alive(child)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    wait_for(lambda: not is_alive(leader) and not is_alive(child))


def test_no_program_is_left_by_a_launcher_that_is_killed_while_it_starts_one(tmp_path):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER_KILLED_WHILE_STARTING, str(tmp_path), STUBBORN_FAMILY],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert launcher.wait() == -signal.SIGKILL
    leader = read_pid(tmp_path / "leader")
    wait_for(lambda: not is_alive(leader))
    assert not (tmp_path / "child").exists()


def test_a_number_that_was_given_away_is_not_taken_for_the_program():
    own = watchdog.started_at(os.getpid())
    assert own is not None
    assert not watchdog.is_another(os.getpid(), own)
    assert watchdog.is_another(os.getpid(), own - 1)
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not watchdog.is_another(ended.pid, own)


def test_program_that_ends_is_started_again(tmp_path):
    with Supervisor() as supervisor:
        first = supervisor.start(python(tmp_path, "import time; time.sleep(600)"))
        os.kill(first.pid, signal.SIGKILL)
        wait_for(lambda: supervisor.restart_count("program") == 1)
        second = supervisor.running("program")
        assert second.pid != first.pid
        assert second.exit_code is None
    assert not is_alive(second.pid)


def test_program_that_keeps_ending_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("local.supervisor.RESTART_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("local.supervisor.CHECK_SECONDS", 0.01)
    with Supervisor() as supervisor:
        supervisor.start(python(tmp_path, "print('no luck')"))
        wait_for(lambda: "program" in supervisor.given_up)
        assert supervisor.restart_count("program") == RESTARTS_MAX
        assert "no luck" in supervisor.given_up["program"]


def test_program_that_may_end_is_not_started_again(tmp_path):
    with Supervisor() as supervisor:
        running = supervisor.start(python(tmp_path, "pass", has_to_run=False))
        wait_for(lambda: running.exit_code == 0)
        supervisor.start(Program("other", (sys.executable, "-c", "raise SystemExit(1)"), tmp_path / "other.log"))
        wait_for(lambda: supervisor.restart_count("other") > 0)
        assert supervisor.restart_count("program") == 0


def test_program_that_ends_early_is_told_with_its_last_lines(tmp_path):
    running = RunningProgram(python(tmp_path, "raise SystemExit('the disk is full')"))
    with pytest.raises(StackError, match="ended with code 1:\nthe disk is full"):
        running.wait_until(lambda: False, WAIT_SECONDS)
    running.kill()


def test_nothing_is_started_after_the_stop(tmp_path):
    supervisor = Supervisor()
    supervisor.stop_all()
    with pytest.raises(StackError, match="the stack is stopping"):
        supervisor.start(python(tmp_path, "pass"))


def test_free_ports_differ_and_are_free():
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert not any(is_listening(port) for port in ports)


def test_second_stack_of_a_checkout_gets_a_directory_of_its_own(tmp_path):
    with claim_state_directory(tmp_path) as first:
        (first.path / "old").write_text("state")
        with claim_state_directory(tmp_path) as second:
            assert (first.path, first.env_file) == (tmp_path / "demo", tmp_path / "env")
            assert (second.path, second.env_file) == (tmp_path / "demo-2", tmp_path / "demo-2" / "env")
        assert (first.path / "old").exists()
    with claim_state_directory(tmp_path) as again:
        assert again.path == first.path
        assert not list(again.path.iterdir())


def test_env_file_can_be_sourced_and_is_private(tmp_path):
    path = tmp_path / "env"
    write_env_file(path, {"PASSWORD": "it's $HOME `x`", "URL": "http://127.0.0.1:1"})
    assert path.stat().st_mode & 0o777 == 0o600
    shell = subprocess.run(
        ["sh", "-c", '. "$1"; printf "%s|%s" "$PASSWORD" "$URL"', "sh", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == "it's $HOME `x`|http://127.0.0.1:1"
