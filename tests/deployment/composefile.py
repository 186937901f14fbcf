"""Reads docker-compose.yaml as Compose does: variables filled in, merged; and what the Dockerfile adds to its image."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE_FILE = REPOSITORY / "docker-compose.yaml"
DOCKERFILE = REPOSITORY / "Dockerfile"
EXAMPLE = REPOSITORY / ".env.example"
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:[-?])([^}]*))?\})")


class MissingVariable(ValueError):
    """A variable that has to be set is not; the message is the file's own."""


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Fill in ${NAME}, ${NAME:-default} and ${NAME:?message}; $$ is a dollar."""

    def value(found: re.Match[str]) -> str:
        name, operator, word = found.groups()
        if name is None:
            return "$"
        if variables.get(name) or operator is None:
            return variables.get(name, "")
        if operator == ":?":
            raise MissingVariable(f"{name} is {word}")
        return str(word)

    return VARIABLE.sub(value, text)


def read(variables: Mapping[str, str], path: Path = COMPOSE_FILE) -> dict[str, Any]:
    """Return the file's content; raise `MissingVariable` as Compose refuses to go on."""

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: walk(value) for name, value in part.items()}
        if isinstance(part, list):
            return [walk(value) for value in part]
        return fill_in(part, variables) if isinstance(part, str) else part

    content: dict[str, Any] = walk(yaml.safe_load(path.read_text(encoding="utf-8")))
    return content


def read_env(path: Path) -> dict[str, str]:
    """Return the variables of a .env file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def image_environment(path: Path = DOCKERFILE) -> dict[str, str]:
    """Return what the Dockerfile's ENV lines set."""
    found = re.findall(r"^ENV (\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: shlex.split(value)[0] for name, value in found}
