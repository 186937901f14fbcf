"""The simulator as a program: its options, what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulator.behaviour.switches import Switches
from local.simulator.behaviour.variants import Variants
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS
from tests.simulator.worlds import layout, needs_openssl, world

REPOSITORY = Path(__file__).parents[2]
THIS = __file__
PROGRAM = [sys.executable, "-m", "local.simulator"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    described = world(layout("People", {"id": "text"}, [{"id": "A"}]))
    (people,) = described.pop("layouts")
    (tmp_path / "database.json").write_text(json.dumps(described))
    (tmp_path / "People.json").write_text(json.dumps(people))
    return tmp_path


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *options], cwd=REPOSITORY, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )


@contextmanager
def running(*options: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Run the program; yield what its port file holds and the lines it printed."""
    with subprocess.Popen(
        [*PROGRAM, *options], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        try:
            yield json.loads(Path(options[-1]).read_text()), lines
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_SECONDS) == 0
            assert not Path(options[-1]).exists(), "the next one that is started must not be looked for at these ports"


def state(ports: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(f"{ports['control_url']}/state", timeout=TIMEOUT_SECONDS).json()
    return answer


def test_every_fault_and_variant_may_be_given_at_the_start(directory: Path, tmp_path: Path) -> None:
    given = [
        *(
            "--fault",
            "truncated_downloads=3",
            "--fault",
            'slow_layout={"People":0.5}',
            "--fault",
            "kill_tokens_after=9",
        ),
        *("--faults", '{"latency_ms": 1, "session_cap": 7, "bad_logins_before_lock": 2}'),
        *("--variant", "iso_timestamp_separator= ", "--variant", "missing_privilege_code=9", "--variant", "gzip=false"),
    ]
    with running("--data", str(directory), *given, "--port-file", str(tmp_path / "ports")) as (ports, _):
        seen = state(ports)
        assert (seen["session_cap"], seen["bad_logins_before_lock"]) == (7, 2)
        faults, variants = seen["faults"], seen["variants"]
        assert (faults["truncated_downloads"], faults["kill_tokens_after"]) == (3, 9)
        assert (faults["slow_layout"], faults["latency_ms"]) == ({"People": 0.5}, 1)
        assert (variants["iso_timestamp_separator"], variants["missing_privilege_code"]) == (" ", 9)
        requests.delete(f"{ports['control_url']}/faults", timeout=TIMEOUT_SECONDS)
        seen = state(ports)
        assert seen["faults"]["truncated_downloads"] == 0
        assert seen["variants"]["gzip"] is False, "the kind of server stays what it was started as"


@needs_openssl
def test_a_certificate_made_at_the_start_is_in_the_port_file(directory: Path, tmp_path: Path) -> None:
    options = ["--data", str(directory), "--tls-self-signed", "--port-file", str(tmp_path / "ports")]
    with running(*options) as (ports, lines):
        assert lines[0] == f"FileMaker Data API on {ports['url']}\n"
        assert ports["url"].startswith("https://")
        answer = requests.get(
            f"{ports['url']}/fmi/data/v2/productInfo", verify=ports["ca_file"], timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200
    assert not Path(ports["ca_file"]).exists()


def test_the_example_needs_no_data(tmp_path: Path) -> None:
    with running("--example", "--port-file", str(tmp_path / "ports")) as (ports, _):
        assert state(ports)["records"]["People"] == 5


def test_the_settings_are_listed_with_their_quiet_values() -> None:
    listed = run("--list-settings")
    assert listed.returncode == 0
    for owner in (Switches, Variants):
        for item in fields(owner):
            assert re.search(rf"^  {item.name} = {re.escape(repr(getattr(owner(), item.name)))}: ", listed.stdout, re.M)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "one of --data, --example and --list-settings is required"),
        (["--example", "--tls-key", "k.pem"], 2, "--tls-certificate and --tls-key belong together"),
        (
            ["--example", "--tls-key", "k", "--tls-certificate", "c", "--tls-self-signed"],
            2,
            "makes its own certificate",
        ),
        (["--example", "--tls-key", "none.pem", "--tls-certificate", "none.pem"], 1, "No such file"),
        (["--example", "--fault", "latency=5"], 1, "unknown fault 'latency'; known: "),
        (["--example", "--fault", "latency_ms"], 1, "'latency_ms' has no value; write name=value"),
        (["--example", "--fault", "latency_ms=soon"], 1, "fault 'latency_ms' takes a number that is not negative"),
        (["--example", "--faults", "[1]"], 1, "--faults takes a JSON object"),
        (["--example", "--faults", "{"], 1, "--faults takes a JSON object: "),
        (["--example", "--variant", "gzip=1"], 1, "variant 'gzip' takes true or false"),
        (["--example", "--fault", 'between_pages=[{"layout":"No","operation":"insert"}]'], 1, "layout 'No': Layout is"),
        (["--data", "/nonexistent"], 1, "database.json: FileNotFoundError"),
        (["--example", "--host", "203.0.113.1"], 1, "assign requested address"),
        (["--example", "--host", ""], 2, "--host takes an address"),
        (["--example", "--port", "65536"], 2, "65536 is no port: 0 to 65535"),
        (["--example", "--control-port", "-1"], 2, "-1 is no port: 0 to 65535"),
        (["--example", "--session-cap", "-1"], 1, "'session_cap' takes a whole number that is not negative"),
        (["--example", "--idle-timeout", "nan"], 1, "'idle_timeout_seconds' takes a number that is not negative"),
        (["--example", "--slow-layout", "People", "x"], 1, "fault 'slow_layout' takes an object of numbers"),
        (["--example", "--slow-layout", "Peple", "1"], 1, "no hosted database has a layout 'Peple'"),
        (["--example", "--port-file", "/nonexistent/ports"], 1, "No such file or directory: '/nonexistent/ports"),
        (["--example", "--tls-key", THIS, "--tls-certificate", THIS], 1, f"{THIS} are no certificate and its key"),
        (["--example", "--example", "--data", "/nonexistent"], 1, "database.json: FileNotFoundError"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(options: list[str], code: int, message: str) -> None:
    ended = run(*options)
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_port_that_is_taken_leaves_nothing_behind(directory: Path, tmp_path: Path) -> None:
    with running("--data", str(directory), "--port-file", str(tmp_path / "ports")) as (ports, _):
        ended = run("--data", str(directory), "--control-port", str(ports["control_port"]))
        assert (ended.returncode, "Address already in use" in ended.stderr) == (1, True)
