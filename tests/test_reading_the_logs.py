"""docs/reading_the_logs.md explains every line that the import logs, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "reading_the_logs.md"
PLACEHOLDER = re.compile(r"%[-0-9.,]*[sdf]")
LOGGERS = {"log", "_log"}
# the three lines that every step shares are made in core/progress.py
MADE_ELSEWHERE = {"Phase 3: Importing patients...", "Phase 3: ✅ Imported 2,842 patients, 0 errors (4.1 s)"}


def logged() -> set[str]:
    """Return the lines that the code logs, with … for what varies."""
    found = set()
    for path in (REPOSITORY / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in LOGGERS
                and node.func.attr != "debug"
            ):
                # log.log() has the level first
                first = node.args[1 if node.func.attr == "log" else 0]
                if isinstance(first, ast.Constant):
                    found.add(PLACEHOLDER.sub("…", str(first.value)).replace("%%", "%"))
    return found - {"::group::…", "::endgroup::"}


def explained() -> set[str]:
    """Return the lines that the page explains: what stands first in each row of its tables, between backticks."""
    return set(re.findall(r"^\| `(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_line_is_explained_and_no_other() -> None:
    lines = explained()
    assert lines >= MADE_ELSEWHERE
    assert logged() - lines == set()
    assert lines - MADE_ELSEWHERE - logged() == set()
