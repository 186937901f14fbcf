"""Every test that the documents name exists, and docs/reliability.md names every fault test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted((REPOSITORY / "docs").glob("*.md"))
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def functions_of(path: Path) -> set[str]:
    """Return the names of the test functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named_in(document: Path) -> set[tuple[str, str]]:
    """Return (file, test) of each test that is named; the test is empty where only its file is."""
    return {(path, test) for path, test in NAMED.findall(document.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_tests_exist(document: Path) -> None:
    missing = []
    for path, test in sorted(named_in(document)):
        file = REPOSITORY / path
        if not file.is_file() or (test and test not in functions_of(file)):
            missing.append(f"{path}::{test}")
    assert missing == []


def test_reliability_names_every_fault_test() -> None:
    named = named_in(REPOSITORY / "docs" / "reliability.md")
    folder = REPOSITORY / "tests" / "faults"
    there = {(f"tests/faults/{path.name}", test) for path in folder.glob("test_*.py") for test in functions_of(path)}
    assert there - named == set()
