"""The tests that docs/sequence.md names as the proof of the requirement's lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sequence.md"
SHORT = {
    "check[": "tests/sql/test_checks.py::test_findings_name_exactly_what_was_broken[",
    "whole_run::": "tests/e2e/test_whole_run.py::",
}
"""What the document's short names stand for."""
NAMED = re.compile(r"`((?:check\[|whole_run::|tests/)[^`]*)`")


@dataclass(frozen=True)
class Line:
    """A line of the requirement: its words, what does it, and the ids (or the beginnings of ids) of its tests."""

    text: str
    done_in: str
    proof: tuple[str, ...]


def read_lines() -> list[Line]:
    """Return the lines of all tables of the document."""
    rows = [row for row in DOCUMENT.read_text(encoding="utf-8").splitlines() if row.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return [Line(text, done_in, tuple(_proof(proof))) for text, done_in, proof in cells if text != "line"]


def _proof(cell: str) -> Iterator[str]:
    for name in NAMED.findall(cell):
        short = next((short for short in SHORT if name.startswith(short)), "")
        yield SHORT.get(short, "") + name.removeprefix(short)


def is_named(nodeid: str, names: set[str]) -> bool:
    """Tell whether a test is one of the names: itself, its function without parameters, or its file."""
    function = nodeid.partition("[")[0]
    return not names.isdisjoint({nodeid, function, nodeid.partition("::")[0]})
