"""Every line of the requirement names its proof, and every proof is a test that every build runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.trace import Line, is_named, read_lines

REPOSITORY = Path(__file__).resolve().parents[1]
LINES = read_lines()


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """Return the ids of the tests of a build, as pytest itself collects them."""
    files = sorted({name.partition("::")[0] for line in LINES for name in line.proof})
    options = ["--collect-only", "-q", "-m", "not deep", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *(file for file in files if (REPOSITORY / file).exists())]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-2000:]
    return [line for line in answer.stdout.splitlines() if "::" in line]


def test_each_section_of_the_requirement_has_its_lines() -> None:
    assert len(LINES) > 100
    assert [line.text for line in LINES if not line.done_in or not line.text] == []


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:60])
def test_line_is_proven_by_tests_that_exist(line: Line, collected: list[str]) -> None:
    assert line.proof
    assert [name for name in line.proof if not any(is_named(test, {name}) for test in collected)] == []


PLACES = ("", "plugins/nexus_import/", "include/sql/", "include/sql/checks/")
FILE = re.compile(r"`([\w./*{},-]+\.(?:py|sql|yaml|md)|\w+/|[\w/]+/)`")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:60])
def test_files_that_do_it_exist(line: Line) -> None:
    named = [name for found in FILE.findall(line.done_in) for name in _alternatives(found)]
    assert [name for name in named if not any(list(REPOSITORY.glob(place + name)) for place in PLACES)] == []


def _alternatives(name: str) -> list[str]:
    """Return the names that `a/{b,c}.yaml` stands for."""
    before, _, rest = name.partition("{")
    inside, _, after = rest.partition("}")
    return [before + each + after for each in inside.split(",")]
