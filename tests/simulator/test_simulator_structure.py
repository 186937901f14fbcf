"""The simulator is a product of its own: any Python runs it, under any name, and its rooms stand on each other."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SIMULATOR = Path(__file__).parents[2] / "local" / "simulator"
ROOMS = ["errors", "wire", "data", "behaviour", "finding", "sessions", "api", "control", "controlapi", "server"]
FACES = ["example", "options", "__main__", "__init__"]
"""What only the program itself uses stands outside of the order."""


def modules() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (room, what it imports, the absolute name or the path below the simulator) for every import."""
    for path in sorted(SIMULATOR.rglob("*.py")):
        place = path.relative_to(SIMULATOR).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((place[0], "absolute", alias.name.split(".")) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield place[0], "absolute", str(node.module).split(".")
            elif isinstance(node, ast.ImportFrom):
                base = list(place[: len(place) - node.level])
                names = [alias.name for alias in node.names]
                whole = [*base, *(node.module.split(".") if node.module else [])]
                yield from ((place[0], "relative", [*whole, name]) for name in names)


def test_it_needs_python_and_nothing_else() -> None:
    absolute = {name[0] for _, kind, name in modules() if kind == "absolute"}
    assert absolute - set(sys.stdlib_module_names) == set()


def test_every_room_stands_on_those_before_it() -> None:
    for room, kind, name in modules():
        if kind == "relative" and room not in FACES:
            assert ROOMS.index(name[0]) <= ROOMS.index(room), f"{room} imports {'.'.join(name)}"


@pytest.mark.parametrize("name", ["simulator", "tests.fakes.filemaker"])
def test_a_copy_under_another_name_runs_with_a_bare_python(name: str, tmp_path: Path) -> None:
    shutil.copytree(SIMULATOR, tmp_path / name.replace(".", "/"), ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--example", "--fault", "no_such_fault=1"]
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy;"
         f" sys.argv = ['x', *{options!r}]; runpy.run_module({name!r}, run_name='__main__')"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert ended.stderr.startswith(f"python -m {name}: unknown fault 'no_such_fault'; known: "), ended.stderr
    assert ended.returncode == 1
