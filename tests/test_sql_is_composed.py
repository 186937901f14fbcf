"""No statement of the import is put together from text: what varies is a parameter, or composed with psycopg.sql."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = sorted([*(REPOSITORY / "plugins").rglob("*.py"), *(REPOSITORY / "dags").glob("*.py")])
RUNS_SQL = {"execute", "executemany", "copy", "stream", "run", "get_records", "get_first", "get_df", "SQL"}
"""Methods of a cursor or hook that run a statement, and what declares a text to be one."""
NO_STATEMENT = {"run": {"subprocess", "asyncio", "uvicorn"}, "copy": {"copy", "shutil"}}
"""Modules that have a function of the same name."""


def is_formatted(node: ast.expr) -> bool:
    """Tell whether a text is made from parts: an f-string with a value in it, `%`, `+` or `str.format`."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return has_text(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_text = node.func.attr in {"format", "join", "replace", "format_map"} and has_text(node.func.value)
        # f"...".encode() is as much a text as what it encodes
        return of_text or (node.func.attr == "encode" and is_formatted(node.func.value))
    return False


def has_text(node: ast.expr) -> bool:
    """Tell whether an expression is or begins with plain text, and is not composed SQL."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    if isinstance(node, ast.BinOp):
        return has_text(node.left) or has_text(node.right)
    return isinstance(node, ast.JoinedStr)


def assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name of a file: a statement may be made a line before it is run."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                found.setdefault(target.id, []).append(value)
    return found


def offences(source: str) -> Iterator[int]:
    """Yield the lines on which a formatted text is run, or declared to be SQL."""
    tree = ast.parse(source)
    names = assigned(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.func, ast.Attribute | ast.Name):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name not in RUNS_SQL or (isinstance(owner, ast.Name) and owner.id in NO_STATEMENT.get(name, ())):
            continue
        statement = node.args[0]
        values = names.get(statement.id, []) if isinstance(statement, ast.Name) else [statement]
        if any(is_formatted(value) for value in values):
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_statements_are_composed(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'c.execute(f"SELECT * FROM {table}")',
        'c.execute("SELECT * FROM %s" % table)',
        'c.execute("SELECT * FROM " + table)',
        'c.execute("SELECT * FROM {}".format(table))',
        'c.execute(f"SELECT {x}".encode())',
        'c.execute(sql.SQL(f"SELECT {x}"))',
        'query = f"SELECT {x}"\nc.execute(query)',
        'with c.copy(f"COPY {table} TO STDOUT") as copy: pass',
        'c.execute("SELECT 1" if x else "", [f"{x}"]); c.executemany("DELETE FROM " + table, rows)',
    ],
)
def test_a_formatted_statement_would_be_seen(source: str) -> None:
    assert list(offences(source))


@pytest.mark.parametrize(
    "source",
    [
        'c.execute("SELECT %s", (x,))',
        'c.execute(sql.SQL("SELECT {}").format(sql.Identifier(x)))',
        'c.execute("SELECT 1"\n" FROM x")',
        'query = sql.SQL("SELECT {}").format(x)\nc.execute(query)',
        'subprocess.run(f"{program} --version")',
    ],
)
def test_a_composed_statement_is_none(source: str) -> None:
    assert list(offences(source)) == []
