"""What docker-compose.yaml, the Dockerfile and .env.example say, without starting anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.deployment.composefile import (
    COMPOSE_FILE,
    DOCKERFILE,
    EXAMPLE,
    REPOSITORY,
    VARIABLE,
    MissingVariable,
    fill_in,
    read,
)

# The Compose Specification's own schema, as the npm package dclint 3.1.0 ships it.
SCHEMA = Path(__file__).with_name("compose.schema.json")
PINNED = re.compile(r"^[\w./-]+:v?\d+(\.\d+)+([\w.-]*)$")
# What has to be set, and what Compose says when it is not.
REQUIRED = (
    "AIRFLOW_FERNET_KEY", "AIRFLOW_API_SECRET", "AIRFLOW_JWT_SECRET", "AIRFLOW_DB_PASSWORD", "AIRFLOW_ADMIN_PASSWORD",
    "REDIS_PASSWORD", "NEXUS_DB_ADDRESS", "NEXUS_DB_NAME", "NEXUS_IMPORT_PASSWORD", "NEXUS_BACKUP_PASSWORD",
    "NEXUS_RESTORE_PASSWORD", "FILEMAKER_URL", "FILEMAKER_DATABASE", "FILEMAKER_USER", "FILEMAKER_PASSWORD",
    "S3_REGION", "S3_BUCKET",
)  # fmt: skip


def mistakes(content: dict[str, Any]) -> list[str]:
    """Return what the schema and the references between services find wrong."""
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    found = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(content)]
    services = content["services"]
    for name, service in services.items():
        for need in service.get("depends_on", {}):
            if need not in services:
                found.append(f"{name} waits for {need}, which is no service")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith(".") and source not in content["volumes"]:
                found.append(f"{name} mounts {source}, which is no volume")
    return found


def test_the_file_is_what_the_specification_says(content: dict[str, Any]) -> None:
    assert mistakes(content) == []


def test_mistakes_would_be_seen(content: dict[str, Any]) -> None:
    wrong: dict[str, Any] = json.loads(json.dumps(content))
    wrong["services"]["worker"]["comand"] = ["airflow"]
    wrong["services"]["redis"]["depends_on"] = {"rediss": {"condition": "service_healthy"}}
    wrong["services"]["redis"]["volumes"] = ["queues:/data"]
    assert len(mistakes(wrong)) == 3


def test_the_client_of_compose_takes_it(variables: dict[str, str], tmp_path: Path) -> None:
    """Compose itself reads the file, which needs no engine; and refuses it without settings."""
    client = compose_client()
    if client is None:
        pytest.skip("neither docker-compose nor docker compose is installed")
    env_file = tmp_path / "settings"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    def config(*options: str) -> subprocess.CompletedProcess[str]:
        command = [*client, *options, "--profile", "demo", "config"]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    taken = config("--env-file", str(env_file))
    assert taken.returncode == 0, taken.stderr
    assert set(yaml.safe_load(taken.stdout)["services"]) == set(read(variables)["services"])
    empty = tmp_path / "empty"
    empty.touch()
    refused = config("--env-file", str(empty))
    assert refused.returncode != 0
    assert "not set in .env" in refused.stderr


def compose_client() -> list[str] | None:
    """Return the command of a client of Compose, None when there is none."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and not subprocess.run(("docker", "compose", "version"), capture_output=True).returncode:
        return ["docker", "compose"]
    return None


@pytest.mark.parametrize("name", REQUIRED)
def test_nothing_starts_while_a_setting_is_missing(variables: dict[str, str], name: str) -> None:
    for settings in (variables | {name: ""}, {key: value for key, value in variables.items() if key != name}):
        with pytest.raises(MissingVariable, match=f"{name} is not set in .env"):
            read(settings)


def test_no_secret_has_a_value_that_everybody_knows() -> None:
    text = EXAMPLE.read_text()
    secrets = re.findall(r"^(\w*(?:PASSWORD|SECRET|KEY)\w*)=(\S*)", text, re.MULTILINE)
    assert len(secrets) >= 10
    assert [name for name, value in secrets if value and not name.endswith("_ID")] == []
    defaults = [found for found in VARIABLE.finditer(COMPOSE_FILE.read_text()) if found[2] == ":-" and found[3]]
    assert [found[1] for found in defaults if re.search("PASSWORD|SECRET|KEY", found[1])] == []


def test_every_variable_is_explained_and_used() -> None:
    explained = set(re.findall(r"^(\w+)=", EXAMPLE.read_text(), re.MULTILINE))
    used = {found[1] for found in VARIABLE.finditer(COMPOSE_FILE.read_text()) if found[1]}
    assert explained == used


def test_images_are_pinned(content: dict[str, Any]) -> None:
    images = {service["image"] for service in content["services"].values()}
    bases = re.findall(r"^FROM (\S+:\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(bases) == 2
    assert [image for image in [*images, *bases] if not PINNED.match(image)] == []


def test_every_service_has_a_health_check_or_an_end(content: dict[str, Any]) -> None:
    for name, service in content["services"].items():
        if service["restart"] == "no":
            waiting = [other["depends_on"].get(name) for other in content["services"].values() if "depends_on" in other]
            assert {"condition": "service_completed_successfully"} in waiting
        else:
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name


def test_ports_are_open_on_loopback_only_unless_asked(content: dict[str, Any], variables: dict[str, str]) -> None:
    def ports(of: dict[str, Any]) -> Iterator[str]:
        for service in of["services"].values():
            yield from service.get("ports", [])

    assert list(ports(content)) == ["127.0.0.1:8080:8080", "127.0.0.1:8025:8025"]
    assert "10.0.0.5:80:8080" in list(ports(read(variables | {"AIRFLOW_BIND": "10.0.0.5", "AIRFLOW_PORT": "80"})))


def test_our_containers_have_no_rights_beyond_their_user(content: dict[str, Any]) -> None:
    for service in content["services"].values():
        if service["image"].startswith("nexus-import"):
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert "privileged" not in service
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[2:]
    assert [re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] for stage in stages] == ["airflow", "airflow"]


def test_the_image_is_built_of_what_is_there() -> None:
    text = DOCKERFILE.read_text()
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE))
    assert {source for source in copied if not (REPOSITORY / source).exists()} == set()
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    install = next(line for line in text.splitlines() if "-r /tmp/requirements.txt" in line)
    assert "--require-hashes" in install
    assert "--compile-bytecode" in install


def test_variables_are_filled_in_as_compose_does() -> None:
    text = "${A} ${B:-two} ${C:-three} $${D}"
    assert fill_in(text, {"A": "one", "C": ""}) == "one two three ${D}"
    with pytest.raises(MissingVariable, match="E is not here"):
        fill_in("${E:?not here}", {"E": ""})
