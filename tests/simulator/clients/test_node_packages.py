"""The packages of npm: pinned to the last one, and installed as a whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.simulator.clients import node_client
from tests.simulator.clients.node_client import LOCK_FILE, SOURCES, installed_packages

EXACT = re.compile(r"\d+\.\d+\.\d+")


def test_every_package_is_pinned_with_a_checksum_and_without_an_address() -> None:
    wanted = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((SOURCES / LOCK_FILE).read_text(encoding="utf-8"))["packages"]
    assert all(EXACT.fullmatch(version) for version in wanted.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    packages = {name: package for name, package in locked.items() if name}
    unpinned = [name for name, package in packages.items() if not ({"integrity", "inBundle"} & package.keys())]
    assert unpinned == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


@pytest.mark.usefixtures("node_packages")
def test_without_a_network_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_client, "INSTALLATIONS", tmp_path / "node_clients")
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(pytest.fail.Exception) as failed:
        installed_packages()
    assert str(failed.value) == (
        "The public FileMaker clients of npm could not be installed (npm ci). Is there a network, and may npm packages"
        " be downloaded? Details: .local/node_clients/npm.log"
    )
    assert (tmp_path / "node_clients" / "npm.log").stat().st_size > 0
    assert not [path for path in (tmp_path / "node_clients").iterdir() if re.fullmatch("[0-9a-f]{16}", path.name)]
