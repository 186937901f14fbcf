"""A running deployment as people reach it: accounts over REST, the clinic's Nexus and FileMaker beside it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import requests

from local.airflow_client import AirflowClient
from local.network import LOOPBACK
from local.nexus_database import OWNER, NexusDatabase
from tests.deployment.composefile import REPOSITORY
from tests.deployment.services import Services
from tests.e2e.world import World

IMPORT_ADMIN = "clinic.admin"
PASSWORD = "one-for-all-accounts"
TIMEOUT_SECONDS = 30


def documented(start: str) -> list[str]:
    """Return the words of the command that docs/deployment.md gives after `docker compose` and this start."""
    text = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(rf"^docker compose {re.escape(start)} (.*)$", text, re.MULTILINE)
    assert found, f"docs/deployment.md has no command 'docker compose {start}'"
    return shlex.split(found[1], comments=True)


class Deployment(World):
    """The stories' world, of parts that docker-compose.yaml brought up."""

    def __init__(self, services: Services, variables: Mapping[str, str]) -> None:
        self.services = services
        self.url = f"http://{LOOPBACK}:{services.port('api-server', 8080)}"
        self.admin = (variables["AIRFLOW_ADMIN_USER"], variables["AIRFLOW_ADMIN_PASSWORD"])
        self.client = AirflowClient(self.url, *self.admin)
        self._made: set[str] = set()
        self.clinic = services.directory / "clinic"
        self.truth = json.loads((self.clinic / "truth.json").read_text())
        passwords = {OWNER: variables["DEMO_OWNER_PASSWORD"]}
        self._nexus = NexusDatabase(services.database("nexus-db"), passwords=passwords)

    @property
    def nexus(self) -> NexusDatabase:
        """Return the Nexus database."""
        return self._nexus

    def filemaker(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        """Call the simulator's control API."""
        url = f"http://{LOOPBACK}:{self.services.port('filemaker', 8001)}/{path}"
        answer = requests.request(method, url, json=content, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def headers(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        """Return the headers of requests of an account."""
        body = {"username": name, "password": password}
        answer = requests.post(f"{self.url}/auth/token", json=body, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def add_account(self, name: str, role: str) -> dict[str, str]:
        """Make an account as the administrator does, and return the headers of its requests."""
        account = {
            "username": name,
            "email": f"{name}@clinic.example",
            "first_name": name,
            "last_name": role,
            "password": PASSWORD,
            "roles": [{"name": role}],
        }
        answer = requests.post(
            f"{self.url}/auth/fab/v1/users", headers=self.headers(*self.admin), json=account, timeout=TIMEOUT_SECONDS
        )
        assert answer.ok, answer.text
        return self.headers(name)

    def import_admin(self) -> dict[str, str]:
        """Make the account with the role Import Admin as docs/deployment.md says; return its requests' headers."""
        if IMPORT_ADMIN not in self._made:
            command = [*documented("exec api-server"), "--password", PASSWORD]
            done = self.services.run("api-server", *command)
            assert done.returncode == 0, done.stderr
            self._made.add(IMPORT_ADMIN)
        return self.headers(IMPORT_ADMIN)
