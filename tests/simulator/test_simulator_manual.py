"""The manual tells the truth: its names exist, its defaults are the defaults, its example runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Simulator, options
from local.simulator.behaviour.switches import Switches
from local.simulator.behaviour.variants import Variants
from local.simulator.errors import HTTP_STATUS_AND_MESSAGE

REPOSITORY = Path(__file__).parents[2]
MANUAL = (REPOSITORY / "docs" / "simulator.md").read_text()


def table_after(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = MANUAL.partition(f"\n{heading}\n")[2]
    rows = re.findall(r"^\|(.*)\|$", section.partition("\n\n#")[0], re.M)
    start = next(number for number, row in enumerate(rows) if set(row) <= set("-|")) + 1
    end = next((number for number, row in enumerate(rows[start:], start) if set(row) <= set("-|")), len(rows))
    return [[cell.strip() for cell in row.split("|")] for row in rows[start:end]]


def test_the_manual_has_every_variant_with_its_default() -> None:
    described: dict[str, Any] = {}
    for names, defaults, _ in table_after("## The kind of server"):
        texts = [text.strip("` ") for text in defaults.split(",")]
        described |= dict(zip(re.findall(r"`(\w+)`", names), texts, strict=True))
    quiet = Variants()
    assert described == {
        item.name: value if isinstance(value := getattr(quiet, item.name), str) else json.dumps(value).replace(".0", "")
        for item in fields(Variants)
    }


def test_the_manual_has_every_fault() -> None:
    described = {name for row in table_after("## Faults") for name in re.findall(r"`(\w+)`", row[0])}
    beside = {"kill_tokens", "expire_container_urls", "between_pages"}
    limits = {"session_cap", "idle_timeout_seconds", "bad_logins_before_lock"}
    assert described == {item.name for item in fields(Switches)} | beside | limits


def test_the_options_in_the_manual_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(["--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    others = {"--scale"}  # of the clinic
    assert set(re.findall(r"--[a-z][a-z-]+", MANUAL)) - others <= known


def test_the_recipes_use_names_that_exist() -> None:
    known = {item.name for owner in (Switches, Variants) for item in fields(owner)}
    known |= {"kill_tokens", "expire_container_urls", "between_pages", "session_cap", "bad_logins_before_lock"}
    used = {name for row in table_after("### Recipes") for name in re.findall(r"(\w+)=", " ".join(row))}
    assert used <= known


def test_the_example_for_pytest_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", MANUAL, re.S)
    test = tmp_path / "test_example.py"
    test.write_text(block)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(test)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


def write_the_data_set(directory: Path) -> Path:
    """Write the data set of the manual."""
    directory.mkdir()
    database, layout = re.findall(r"```json\n(.*?)```", MANUAL.partition("\n## The data set\n")[2], re.S)[:2]
    (directory / "database.json").write_text(database)
    (directory / f"{json.loads(layout)['layout']}.json").write_text(layout)
    return directory


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_example_for_the_shell_runs_again_and_again(tmp_path: Path) -> None:
    block = MANUAL.partition("### From another language")[2].split("```")[1]
    write_the_data_set(tmp_path / "DIR")
    python = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    for _ in range(2):
        ended = subprocess.run(
            ["bash", "-e"],
            input=f"{block}wait\n",
            cwd=tmp_path,
            env={**os.environ, **python},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout[ended.stdout.rindex('{"sessions_open"') :])["faults"]["kill_tokens_after"] == 3


def test_the_example_of_planned_changes_is_taken(tmp_path: Path) -> None:
    planned = json.loads(MANUAL.partition("\nPOST /between_pages ")[2].partition("```")[0])
    with Simulator.from_dataset(write_the_data_set(tmp_path / "DIR")) as simulator:
        simulator.control.between_pages(planned)
        assert simulator.control.state()["changes_pending"] == len(planned) == 3


def test_the_numbers_of_the_error_table_are_those_of_the_server() -> None:
    section = MANUAL.partition("| situation | HTTP | code |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")] for row in re.findall(r"^\|(.*)\|$", section, re.M)[1:]]
    assert len(rows) > 15
    for _, statuses, codes in rows:
        by_row = [int(status) for status in re.findall(r"\d{3}", statuses)]
        numbers = [int(code) for code in re.findall(r"\d+", codes)]
        of_codes = [HTTP_STATUS_AND_MESSAGE[code][0] for code in numbers]
        assert of_codes in (by_row, by_row * len(numbers)), (statuses, codes)
