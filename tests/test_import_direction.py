"""Who imports whom: dags, phases and web stand above filemaker, nexus and storage, these above core."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "plugins" / "nexus_import"
FILES = sorted(PACKAGE.rglob("*.py"))
NEVER = {"local", "tests", "bench", "dags"}

BELOW_ALL = {"errors", "core"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "core": {"errors"},
    "storage": BELOW_ALL,
    "snapshot": BELOW_ALL | {"storage"},
    "filemaker": BELOW_ALL,
    "nexus": BELOW_ALL | {"storage", "snapshot"},
    "application": BELOW_ALL | {"nexus"},
    "settings": BELOW_ALL | {"nexus"},
    "schema": BELOW_ALL | {"nexus"},
    "restore": BELOW_ALL | {"nexus", "storage", "settings"},
    "doctor": BELOW_ALL | {"application", "clock", "filemaker", "nexus", "phases", "settings"},
    "provider_info": set(),
    "web": BELOW_ALL | {"nexus", "storage", "settings"},
    "phases": BELOW_ALL | {"application", "clock", "filemaker", "nexus", "storage", "snapshot", "settings"},
}
"""Parts of the package that each part may import beside itself.

The doctor stands above the phases: it opens what they open, by their own functions, and so says what a run would say.
"""
HOOKS = {"filemaker/hook.py", "filemaker/files_hook.py"}
IMPURE = {"airflow", "psycopg", "requests", "boto3", "botocore", "fastapi"}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of every import, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (
                (node.lineno, f"{module}.{alias.name}" if module == "nexus_import" else module) for alias in node.names
            )


def offences(path: Path, is_forbidden: Callable[[str], bool]) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}:{line} imports {module}"
        for line, module in imports_of(path)
        if is_forbidden(module)
    ]


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_are_absolute(path: Path) -> None:
    assert offences(path, lambda module: module.startswith(".")) == []


def test_every_part_has_its_place() -> None:
    assert {part_of(path) for path in FILES} <= MAY_IMPORT.keys() | {"__init__"}


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_parts_import_downwards_only(path: Path) -> None:
    allowed = MAY_IMPORT.get(part_of(path), set()) | {part_of(path)}

    def is_upward(module: str) -> bool:
        names = module.split(".")
        return names[0] == "nexus_import" and len(names) > 1 and names[1] not in allowed

    assert offences(path, is_upward) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=relative)
def test_core_is_pure(path: Path) -> None:
    assert offences(path, lambda module: module.split(".")[0] in IMPURE) == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_airflow_is_known_where_tasks_hooks_and_pages_are(path: Path) -> None:
    if part_of(path) in {"phases", "web", "doctor"} or relative(path) in HOOKS:
        return
    assert offences(path, lambda module: module.split(".")[0] == "airflow") == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_tasks_are_made_in_phases_only(path: Path) -> None:
    if part_of(path) == "phases":
        return
    words = {"task", "task_group", "dag"}
    decorators = {
        name.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
        for name in ast.walk(decorator)
        if isinstance(name, ast.Name)
    }
    assert decorators & words == set()


@pytest.mark.parametrize("path", sorted((REPOSITORY / "deploy").glob("*.py")), ids=lambda path: path.name)
def test_the_deployment_stands_alone(path: Path) -> None:
    # the preparation must run before anything else can, and make_env.py without any package
    assert offences(path, lambda module: module.split(".")[0] in NEVER | {"nexus_import"}) == []


@pytest.mark.parametrize(
    "path", sorted({*FILES, *(REPOSITORY / "plugins").glob("*.py"), *(REPOSITORY / "dags").glob("*.py")}), ids=str
)
def test_nothing_that_is_deployed_imports_tests_or_tools(path: Path) -> None:
    assert offences(path, lambda module: module.split(".")[0] in NEVER) == []


@pytest.mark.parametrize("path", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda path: path.name)
def test_dags_know_the_phases_and_the_settings_only(path: Path) -> None:
    def is_inside(module: str) -> bool:
        names = module.split(".")
        return names[0] == "nexus_import" and names[1] not in {"phases", "settings"}

    assert offences(path, is_inside) == []


@pytest.mark.parametrize("folder", ["local", "plugins", "bench"])
def test_nothing_imports_the_dags(folder: str) -> None:
    for path in (REPOSITORY / folder).rglob("*.py"):
        assert offences(path, lambda module: module.split(".")[0] in {"dags", "filemaker_import"}) == []


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(
        "def f():\n    from nexus_import import phases\n    import local.stack\n    from airflow import sdk\n"
    )
    assert [module for _, module in imports_of(path)] == ["nexus_import.phases", "local.stack", "airflow"]
