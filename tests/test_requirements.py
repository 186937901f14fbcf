"""The requirement files: every direct dependency pinned with hashes, the same versions in both."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file_name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for name, version in PIN.findall((REPOSITORY / file_name).read_text()):
        versions.setdefault(normalise(name), set()).add(version)
    return versions


def names(requirements: list[str]) -> list[tuple[str, str | None]]:
    found = []
    for requirement in requirements:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:==(\S+))?", requirement)
        assert match is not None
        found.append((normalise(match[1]), match[2]))
    return found


RUNTIME = names(PROJECT["dependencies"])
TOOLS = names([line for group in PROJECT["optional-dependencies"].values() for line in group])


@pytest.mark.parametrize(("name", "version"), RUNTIME)
def test_every_dependency_is_pinned(name: str, version: str | None) -> None:
    assert name in pins("requirements.txt")
    assert version is None or pins("requirements.txt")[name] == {version}


@pytest.mark.parametrize(("name", "version"), TOOLS)
def test_every_tool_is_pinned(name: str, version: str | None) -> None:
    assert name in pins("requirements-dev.txt")
    assert version is None or pins("requirements-dev.txt")[name] == {version}


def test_packages_named_by_the_requirement_are_direct_dependencies() -> None:
    wanted = {"apache-airflow", "apache-airflow-providers-postgres", "apache-airflow-providers-amazon", "requests"}
    assert wanted | {"pandas"} <= {name for name, _ in RUNTIME}


def test_both_files_hold_the_same_versions() -> None:
    tools = pins("requirements-dev.txt")
    assert {name: tools.get(name) for name in pins("requirements.txt")} == pins("requirements.txt")


@pytest.mark.parametrize("file_name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_nothing_else_is_installed(file_name: str) -> None:
    text = (REPOSITORY / file_name).read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    without_hash = [entry.split()[0] for entry in entries if entry.strip() and "--hash=sha256:" not in entry]
    assert without_hash == []
    assert len(entries) >= len(pins(file_name))
    assert "://" not in text
