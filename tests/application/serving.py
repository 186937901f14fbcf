"""Starts the application on an installation's database, and says how Airflow reaches it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from local.network import LOOPBACK, free_ports, is_listening
from local.processes import Program, RunningProgram
from tests.support.installation import Installation

USER, PASSWORD, TOKEN = "probe", "a-password-nobody-may-see", "a-token-nobody-may-see"
START_SECONDS = 60.0
REPOSITORY = Path(__file__).resolve().parents[2]
# "probe" with PASSWORD, hashed by Django's MD5PasswordHasher
ADD_USER = (
    "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,"
    " date_joined) VALUES ('md5$salt$' || md5('salt' || %s), false, %s, '', '', '', false, true, now())"
)


@dataclass(frozen=True)
class Application:
    """The running application: its address, and the file in which it notes what it is asked."""

    url: str
    asked_file: Path

    def connection(self, **changes: Any) -> str:
        """Return the Airflow connection to it as JSON."""
        return json.dumps({"conn_type": "http", "host": self.url, "login": USER, "password": PASSWORD} | changes)

    def asked(self) -> list[str]:
        """Return path and names of parameters of every request so far."""
        return self.asked_file.read_text(encoding="utf-8").splitlines() if self.asked_file.exists() else []

    def get(self, path: str, **parameters: str) -> Any:
        """Return the answer to one question, as a browser would ask it."""
        answer = requests.get(f"{self.url}{path}", parameters, auth=(USER, PASSWORD), timeout=30)
        answer.raise_for_status()
        return answer.json()

    def ids(self, path: str, **parameters: str) -> set[str]:
        """Return the ids of all entries of a list, page after page."""
        found: list[str] = []
        answer = self.get(path, **parameters)
        while True:
            entries = answer["results"] if isinstance(answer, dict) else answer
            found += [entry["id"] for entry in entries]
            if isinstance(answer, list) or not answer["next"]:
                assert len(found) == len(set(found))
                return set(found)
            answer = requests.get(answer["next"], auth=(USER, PASSWORD), timeout=30).json()


@contextmanager
def start_application(
    installation: Installation, directory: Path, *, page_size: int = 100, certificate: tuple[Path, ...] = ()
) -> Iterator[Application]:
    """Yield the application, a process of its own on the installation's database, with a user that may log in."""
    installation.execute(ADD_USER, PASSWORD, USER)
    port, asked_file = free_ports(1)[0], directory / "asked.txt"
    program = Program(
        "nexus_like",
        (sys.executable, "-m", "tests.application.nexus_like", str(port), *map(str, certificate)),
        directory / "application.log",
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
            "NEXUS_LIKE_DATABASE": installation.database.uri(),
            "NEXUS_LIKE_TOKEN": TOKEN,
            "NEXUS_LIKE_PAGE_SIZE": str(page_size),
            "NEXUS_LIKE_ASKED": str(asked_file),
        },
    )
    running = RunningProgram(program)
    try:
        running.wait_until(lambda: is_listening(port), START_SECONDS)
        yield Application(f"http{'s' if certificate else ''}://{LOOPBACK}:{port}", asked_file)
    finally:
        running.stop()
