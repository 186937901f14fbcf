"""A deployment that is well, as far as one machine can show it, and what the doctor says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nexus_import.doctor.__main__ import main
from nexus_import.nexus.sql import read_sql
from sqlalchemy import text

from tests.support.installation import BUCKET, Installation, mail_connection
from tests.support.wire import HTTP_METHODS, Action, Message, Rule
from tests.support.wired import storage_wire

LINE = re.compile(r"(?P<mark>\S+) (?P<name>[^:]+): (?P<seen>.*?)(?: → (?P<fix>.*))?")
SETTINGS = {
    "AIRFLOW__CORE__FERNET_KEY": "Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHNlY3JldCBhISE=",
    "AIRFLOW__API__SECRET_KEY": "for tests only, and long enough",
    "AIRFLOW__API_AUTH__JWT_SECRET": "for tests only, and long enough as well",
    "AIRFLOW__API__BASE_URL": "https://airflow.clinic.example",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,vera:viewer",
}


@dataclass(frozen=True)
class Line:
    """One line of the doctor."""

    mark: str
    name: str
    seen: str
    fix: str = ""


@dataclass
class Deployment:
    """A deployment of a test's own; `said` are the doctor's lines while it was well."""

    installation: Installation
    mail_port: int
    set_variable: Callable[[str, str], None]
    include: Path
    airflow_tables: Any
    said: set[Line] = field(default_factory=set)

    def ask(self, *arguments: str) -> tuple[int, list[Line]]:
        """Return the doctor's exit code and lines, without the last one, which counts them."""
        lines: list[str] = []
        code = main(arguments, lines.append)
        found = [LINE.fullmatch(line) for line in lines[:-1]]
        assert all(found), lines
        return code, [Line(**{k: v or "" for k, v in match.groupdict().items()}) for match in found if match]

    def turned(self, *arguments: str) -> list[Line]:
        """Return the lines that are wrong now and were not while all was well."""
        code, lines = self.ask(*arguments)
        wrong = [line for line in lines if line.mark in "⚠❌" and line not in self.said]
        assert code == int(any(line.mark == "❌" for line in lines))
        return wrong

    def change_connection(self, name: str, **changes: Any) -> None:
        """Change an Airflow connection; a dict is added to what is there."""
        variable = f"AIRFLOW_CONN_{name.upper()}"
        content = json.loads(self.installation.environment().get(variable, "{}"))
        if variable == "AIRFLOW_CONN_SMTP_DEFAULT":
            content = json.loads(mail_connection(self.mail_port))
        for key, value in changes.items():
            content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
        self.set_variable(variable, json.dumps(content))

    def change_policy(self, old: str, new: str) -> None:
        """Write something else into the policy."""
        self.change_file("policy.yaml", old, new)

    def change_file(self, name: str, old: str, new: str) -> None:
        """Write something else into a file of include/."""
        path = self.include / name
        written = path.read_text(encoding="utf-8")
        assert old in written, f"{name} has no {old}"
        path.write_text(written.replace(old, new), encoding="utf-8")

    def objects(self) -> set[str]:
        """Return the keys of everything in the bucket."""
        pages = self.installation.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def secrets(self) -> list[str]:
        """Return every password and key that the deployment has."""
        connections = [json.loads(value) for value in self.installation.environment().values()]
        passwords = [each["password"] for each in connections if each["password"] != "test"]
        return [*passwords, *(value for name, value in SETTINGS.items() if "KEY" in name or "SECRET" in name)]

    @contextmanager
    def watched_store(self, rule: Rule = lambda _: None) -> Iterator[list[str]]:
        """Let the store be reached over a way that the rule watches; yield the first lines of what it is asked."""
        asked: list[str] = []

        def watch(message: Message) -> Action | None:
            if message.kind in HTTP_METHODS:
                asked.append(message.request.decode())
            return rule(message)

        with storage_wire(self.installation.parts, watch) as url:
            self.change_connection(
                "nexus_s3", extra={"service_config": {"s3": {"endpoint_url": url, "bucket_name": BUCKET}}}
            )
            yield asked

    @contextmanager
    def airflow_says(self, statement: str, mend: str) -> Iterator[None]:
        """Change Airflow's own database for a while: all tests share it."""
        self._execute(statement)
        try:
            yield
        finally:
            self._execute(mend)

    def _execute(self, statements: str) -> None:
        with self.airflow_tables.begin() as session:
            for statement in statements.split(";"):
                session.execute(text(statement))

    def superuser(self, statement: str) -> None:
        """Run a statement in Nexus's database as the cluster's superuser."""
        with self.installation.database.cluster.connect(self.installation.database.database) as connection:
            connection.execute(statement.encode())


def connect(
    installation: Installation,
    mail_port: int,
    patch: pytest.MonkeyPatch,
    include: Path,
    said: set[Line],
    airflow_tables: Any,
) -> Deployment:
    """Point Airflow, its settings and its connections at a deployment that is well."""
    read_sql.cache_clear()
    connections = installation.environment() | {"AIRFLOW_CONN_SMTP_DEFAULT": mail_connection(mail_port)}
    for name, value in (SETTINGS | connections).items():
        patch.setenv(name, value)
    patch.setattr("airflow.settings.Session", airflow_tables)
    return Deployment(installation, mail_port, patch.setenv, include, airflow_tables, said)
