"""A published run with all that it wrote, and all that it asked of S3; its secrets are known to the test."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from airflow.sdk.execution_time.task_runner import _serialize_template_field
from botocore.client import BaseClient
from nexus_import.filemaker.account import Account

from local.mail import MailDirectory, read_mails
from local.network import LOOPBACK, free_ports
from tests.support.installation import BUCKET, Installation, Parts, mail_connection, start_installation
from tests.support.runs import Run
from tests.support.workbooks import text_of

S3_SECRET = "canary-of-the-object-store"
SHORT = 4
HOLDS_ROWS = {"before_image"}
"""The journal's tables that hold rows of Nexus as they were: the undo is made of them."""


@dataclass(frozen=True)
class Asked:
    """One request to S3: what, and of which object or folder."""

    operation: str
    key: str


@dataclass
class Recording:
    """What was written where, by place, and what must not be in it."""

    run: Run
    installation: Installation
    texts: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)

    def leaks(self) -> dict[str, int]:
        """Return how many secrets stand in each text that holds one."""
        found = {place: sum(secret in text for secret in self.secrets) for place, text in self.texts.items()}
        return {place: count for place, count in found.items() if count}

    def personal(self) -> dict[str, int]:
        """Return how many of the clinic's personal values stand, as whole words, in each text that holds one."""
        values = (self.installation.parts.clinic / "personal_values.txt").read_text().splitlines()
        found = {
            place: sum(value in text and bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)) for value in values)
            for place, text in self.texts.items()
        }
        return {place: count for place, count in found.items() if count}


@contextmanager
def asked_of_s3() -> Iterator[list[Asked]]:
    """Note every request that any client of S3 makes, whoever made the client."""
    asked: list[Asked] = []
    call = BaseClient._make_api_call

    def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name == "s3":
            asked.append(Asked(operation, parameters.get("Key", "")))
        return call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", noted)
        yield asked


def record_run(stack: ExitStack, parts: Parts, dag: Any, directory: Path) -> Recording:
    """Run an import that publishes; `stack` keeps its installation until the tests are over."""
    installation = stack.enter_context(start_installation(parts))
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    port = _start_mail(stack, directory / "mail")
    connections = keep_connections_elsewhere(installation, port, directory, patch)
    recording = Recording(Run(installation, dag, {"mode": "publish"}, answer="Approve"), installation)
    tokens = _note_tokens(patch)
    recording.asked = stack.enter_context(asked_of_s3())
    with _all_that_is_logged() as log:
        recording.run.go()
    assert tokens
    recording.secrets = _secrets_of(connections) | tokens
    recording.texts = {
        "log": log(),
        "xcoms": json.dumps(recording.run.results, ensure_ascii=False, default=str),
        "templates": json.dumps(list(_rendered(dag)), ensure_ascii=False, default=str),
        "questions": "\n".join(recording.run.questions),
        "mails": "\n".join(_text_of_mail(mail) for mail in read_mails(directory / "mail")),
        **_reports(installation, recording.run),
        **_journal(installation),
    }
    return recording


def keep_connections_elsewhere(
    installation: Installation, mail_port: int, directory: Path, patch: pytest.MonkeyPatch
) -> dict[str, dict[str, Any]]:
    """Keep Airflow's connections in a secrets backend, and none of them in the environment; return them by id."""
    variables = installation.environment() | {"AIRFLOW_CONN_SMTP_DEFAULT": mail_connection(mail_port)}
    connections = {name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value) for name, value in variables.items()}
    connections["nexus_s3"]["password"] = S3_SECRET
    for name in variables:
        patch.delenv(name, raising=False)
    file = directory / "connections.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(connections))
    # Airflow keeps a backend for the life of the process: this one must not outlive the fixture
    patch.setattr("airflow.sdk.configuration._secrets_backend_cache", {})
    patch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))
    return connections


def _start_mail(stack: ExitStack, directory: Path) -> int:
    port = free_ports(1)[0]
    sink = Controller(MailDirectory(directory), hostname=LOOPBACK, port=port)
    sink.start()
    stack.callback(sink.stop)
    return port


def _secrets_of(connections: dict[str, dict[str, Any]]) -> set[str]:
    secrets = {each["password"] for each in connections.values() if each.get("password")}
    filemaker = connections["filemaker_default"]
    account = f"{filemaker['login']}:{filemaker['password']}"
    return secrets | {base64.b64encode(account.encode()).decode()}


def _note_tokens(patch: pytest.MonkeyPatch) -> set[str]:
    """Let FileMaker's tokens be known to the test as soon as there are any."""
    tokens: set[str] = set()
    log_in = Account._log_in

    def seen(account: Account) -> Any:
        token = log_in(account)
        tokens.add(token.reveal())
        return token

    patch.setattr(Account, "_log_in", seen)
    return tokens


@contextmanager
def _all_that_is_logged() -> Iterator[Callable[[], str]]:
    """Catch everything that is logged at Airflow's level or printed; this project's own also below it."""
    caught = io.StringIO()
    handler = logging.StreamHandler(caught)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root, own = logging.getLogger(), logging.getLogger("nexus_import")
    levels = root.level, own.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(caught), redirect_stderr(caught):
            yield caught.getvalue
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        own.setLevel(levels[1])


def _rendered(dag: Any) -> Iterator[Any]:
    """Yield each task's template fields as Airflow stores and shows them."""
    for task in dag.tasks:
        for name in task.template_fields:
            yield _serialize_template_field(getattr(task, name, None), name)


def _text_of_mail(mail: EmailMessage) -> str:
    """Return what a mail program shows of a mail, attachments too."""
    parts = [part for part in mail.walk() if not part.is_multipart()]
    payloads = [(part.get_filename() or "body.txt", part.get_payload(decode=True)) for part in parts]
    bodies = [text_of(name, payload) for name, payload in payloads if isinstance(payload, bytes)]
    return "\n".join([str(mail["Subject"]), *bodies])


def _reports(installation: Installation, run: Run) -> dict[str, str]:
    client = installation.s3()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="nexus-import/reports/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", []) if run.run_id in entry["Key"]]
    return {
        f"report {key.rsplit('/', 1)[1]}": text_of(key, client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        for key in keys
    }


def _journal(installation: Installation) -> dict[str, str]:
    tables = installation.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'nexus_import' ORDER BY 1")
    return {
        f"journal {table}": "\n".join(
            row for (row,) in installation.rows(f"SELECT to_jsonb(t)::text FROM nexus_import.{table} AS t")
        )
        for (table,) in tables
        if table not in HOLDS_ROWS
    }
