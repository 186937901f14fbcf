"""docker-compose.yaml in substance: its processes, from its own text, on real parts."""

from __future__ import annotations

import sys

import pytest

from tests.deployment.deployment import Deployment
from tests.deployment.services import Services

pytestmark = pytest.mark.stack

# of images that are not ours and that no package brings; docs/deployment.md says so
NOT_RUN = {"s3", "mail"}
ONCE = {"prepare", "clinic"}


def test_every_service_is_healthy_and_what_was_substituted_is_said(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = [name for name, each in services.containers.items() if each.service not in NOT_RUN | ONCE]
    assert {name: services.is_healthy(name) for name in checked} == dict.fromkeys(checked, True)
    assert services.supervisor.given_up == {}
    assert {name: services.supervisor.running(name).exit_code for name in ONCE} == dict.fromkeys(ONCE, 0)
    with capsys.disabled():
        lines = [f"  {what} -> {by}" for what, by in sorted(services.substitutions.items())]
        sys.stdout.write("\nSubstituted in docker-compose.yaml:\n" + "\n".join(lines) + "\n")
    kinds = ("image ", "PATH ", "/", *(f"{name}" for name in services.containers), "0.0.0.0")
    assert [what for what in services.substitutions if not what.startswith(kinds)] == []


def test_a_host_without_a_worker_is_not_well(services: Services) -> None:
    done = services.run("api-server", "python", "-m", "deploy.health", "worker")
    assert (done.returncode, done.stderr) == (1, "worker@api-server does not answer\n")


def test_the_preparation_made_pool_and_connections(deployment: Deployment, variables: dict[str, str]) -> None:
    pool = deployment.client.request("GET", "pools/filemaker")
    assert (pool["slots"], pool["description"]) == (3, "FileMaker Data API sessions of all tasks")
    connections = deployment.client.request("GET", "connections")["connections"]
    assert {each["connection_id"] for each in connections} == {
        "nexus_db", "nexus_db_backup", "nexus_db_restore", "filemaker_default", "nexus_s3", "smtp_default",
    }  # fmt: skip
    stored = str(connections)
    assert [name for name, value in variables.items() if name.endswith("PASSWORD") and value and value in stored] == []


def test_secrets_are_in_no_log_of_the_services(services: Services, variables: dict[str, str]) -> None:
    secrets = {name: value for name, value in variables.items() if len(value) > 40}
    assert len(secrets) >= 10
    for log in services.log_folder.glob("*.log"):
        text = log.read_text(errors="replace")
        assert [name for name, value in secrets.items() if value in text] == [], log.name
