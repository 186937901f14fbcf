"""The deployment of docker-compose.yaml, run once for all tests that need it running."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.composefile import REPOSITORY, read, read_env
from tests.deployment.deployment import IMPORT_ADMIN, Deployment
from tests.deployment.services import Services

SCALE = "0.02"


@pytest.fixture(scope="package")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `python3 deploy/make_env.py --demo` writes, with a small clinic."""
    file = tmp_path_factory.mktemp("settings") / ".env"
    command = (sys.executable, "-S", "-E", "deploy/make_env.py", "--demo", "--file", str(file))
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return read_env(file) | {"DEMO_SCALE": SCALE}


@pytest.fixture(scope="package")
def content(variables: dict[str, str]) -> dict[str, Any]:
    """docker-compose.yaml with these variables."""
    return read(variables)


@pytest.fixture(scope="package")
def services(content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Every service of the file, the profile demo included, healthy."""
    directory = tmp_path_factory.mktemp("deployment")
    include = directory / "include"
    shutil.copytree(REPOSITORY / "include", include)
    _name_operators(include / "policy.yaml")
    with Services(content, directory, include) as started:
        yield started


@pytest.fixture(scope="package")
def deployment(services: Services, variables: dict[str, str]) -> Deployment:
    """The running deployment as people reach it; the import is switched on."""
    reached = Deployment(services, variables)
    reached.client.wait_for_dag("filemaker_import")
    reached.client.wait_for_dag("restore_backup")
    reached.client.unpause("filemaker_import")
    return reached


def _name_operators(policy: Path) -> None:
    """Do what docs/deployment.md says to do after an account was made for an operator."""
    text = policy.read_text(encoding="utf-8")
    named = text.replace("operators: [admin] ", f"operators: [admin, {IMPORT_ADMIN}] ")
    assert named != text
    policy.write_text(named, encoding="utf-8")
