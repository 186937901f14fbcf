"""Store, FileMaker, mail, application and clocks are broken in turn: exactly their line turns, and names what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from nexus_import import clock
from nexus_import.doctor.storage_side import BODY

from local.network import LOOPBACK, free_ports
from local.simulator import Simulator
from tests.doctor.deployment import Deployment, Line
from tests.support.wire import ANSWER, HTTP_METHODS, Action, Cut, Message

SECRET = "long enough for a password"
DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def only(turned: list[Line], name: str, mark: str = "❌") -> Line:
    """Return the one line that turned."""
    assert [(line.mark, line.name) for line in turned] == [(mark, name)], turned
    assert turned[0].fix
    return turned[0]


def deny(method: bytes, part: bytes = b"") -> Any:
    """Return a rule under which the store refuses requests of a kind."""

    def refuse(message: Message) -> None:
        raise Cut(DENIED)

    def rule(message: Message) -> Action | None:
        is_denied = message.kind == method and message.kind in HTTP_METHODS and part in message.request
        return refuse if is_denied else None

    return rule


# --- the store


def test_bucket_that_is_not_there_is_named(deployment: Deployment) -> None:
    service = {"s3": {"endpoint_url": deployment.installation.parts.s3_url, "bucket_name": "nexus-2"}}
    deployment.change_connection("nexus_s3", extra={"service_config": service})
    line = only(deployment.turned(), "bucket")
    assert "nexus-2: the store refused to list it (NoSuchBucket)" in line.seen


def test_store_that_is_away_is_named(deployment: Deployment) -> None:
    service = {"s3": {"endpoint_url": f"http://{LOOPBACK}:{free_ports(1)[0]}", "bucket_name": "nexus"}}
    deployment.change_connection("nexus_s3", extra={"service_config": service})
    assert "EndpointConnectionError" in only(deployment.turned(), "bucket").seen


def test_connection_without_a_bucket_is_named(deployment: Deployment) -> None:
    deployment.change_connection("nexus_s3", extra={"service_config": {"s3": {}}})
    assert "names no bucket" in only(deployment.turned(), "connection nexus_s3").seen


@pytest.mark.parametrize("method", [b"PUT", b"DELETE"])
def test_refused_write_and_refused_removal_are_named(deployment: Deployment, method: bytes) -> None:
    with deployment.watched_store(deny(method)):
        turned = deployment.turned()
    line = only(turned, "backup folder")
    assert "the store refused to" in line.seen
    assert "deploy/policies/s3.json" in line.fix


def test_folder_of_files_that_may_not_be_listed_is_named(deployment: Deployment) -> None:
    with deployment.watched_store(deny(b"GET", b"prefix=images%2F")):
        turned = deployment.turned()
    assert "list images/" in only(turned, "files of Nexus").seen


def test_folders_of_files_that_hold_nothing_are_a_warning(deployment: Deployment) -> None:
    deployment.change_policy("[documents/, filemaker-import/, images/, patients/]", "[documents-of-another-clinic/]")
    assert "file_prefixes" in only(deployment.turned(), "files of Nexus", "⚠").fix


def test_encryption_that_the_store_does_not_give_is_named(deployment: Deployment) -> None:
    def forget(message: Message) -> None:
        head = message.body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        raise Cut(re.sub(rb"(?i)x-amz-server-side-encryption: AES256\r\n", b"", head) + BODY)

    def rule(message: Message) -> Action | None:
        is_read = message.kind == ANSWER and message.request.startswith(b"GET") and b"/doctor/" in message.request
        return forget if is_read else None

    with deployment.watched_store(rule):
        turned = deployment.turned()
    assert "have the encryption none, not AES256" in only(turned, "backup folder").seen


def test_overwrite_that_the_store_does_not_refuse_is_a_warning(deployment: Deployment) -> None:
    def accept(message: Message) -> None:
        raise Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def rule(message: Message) -> Action | None:
        return accept if message.kind == b"PUT" and b"if-none-match" in message.body.lower() else None

    with deployment.watched_store(rule):
        turned = deployment.turned()
    assert "If-None-Match" in only(turned, "backup folder", "⚠").fix


# --- FileMaker


def test_refused_account_is_named_and_layouts_are_not_looked_at(deployment: Deployment) -> None:
    deployment.change_connection("filemaker_default", password="not-the-password")
    line = only(deployment.turned(), "FileMaker")
    assert "code 212" in line.seen
    assert deployment.installation.simulator.control.state()["sessions_open"] == 0


def test_wrong_database_is_named_with_the_nearest(deployment: Deployment) -> None:
    deployment.change_connection("filemaker_default", schema="Clinci")
    assert "the nearest name is 'Clinic'" in only(deployment.turned(), "FileMaker").seen


def test_connection_of_another_type_is_named(deployment: Deployment) -> None:
    deployment.change_connection("filemaker_default", conn_type="http")
    line = only(deployment.turned(), "connection filemaker_default")
    assert "filemaker or filemaker_files" in line.fix


def test_layout_that_is_missing_is_named(deployment: Deployment) -> None:
    deployment.change_file("mapping/patient.yaml", "layout: API_Contacts", "layout: API_Contact")
    line = only(deployment.turned(), "layouts and fields")
    assert "patient.yaml line" in line.seen
    assert "API_Contacts" in line.seen


def test_field_that_is_missing_is_named(deployment: Deployment) -> None:
    deployment.change_file("mapping/patient.yaml", "field: nameFirst", "field: nameFrist")
    line = only(deployment.turned(), "layouts and fields")
    assert "has no field nameFrist (nearest: nameFirst)" in line.seen


def test_layout_that_may_not_be_read_is_named(deployment: Deployment) -> None:
    refusals = [{"code": 9, "target": "API_Letters", "count": 20}]
    deployment.installation.simulator.control.set_faults(scripted_errors=refusals)
    assert "API_Letters" in only(deployment.turned(), "layouts and fields").seen


def test_folder_of_exported_files_is_looked_at_in_place_of_the_data_api(deployment: Deployment, tmp_path: Path) -> None:
    connection = {"conn_type": "filemaker_files", "host": str(tmp_path / "exports")}
    deployment.set_variable("AIRFLOW_CONN_FILEMAKER_DEFAULT", json.dumps(connection))
    line = only(deployment.turned(), "FileMaker")
    assert "exports" in line.seen
    assert "export the files again" in line.fix


def test_account_that_may_only_read_is_well_and_one_without_its_privileges_is_named(deployment: Deployment) -> None:
    """The least privilege set that docs/operations.md gives, and what is said when a part of it is missing."""
    accounts = [
        {"user": "reader", "password": SECRET, "readOnly": True},
        {"user": "outsider", "password": SECRET, "fmrest": False},
        {"user": "half", "password": SECRET, "deniedLayouts": ["API_Notes"]},
    ]
    folder = deployment.installation.parts.clinic / "filemaker"
    layouts = {path.stem: json.loads(path.read_text()) for path in folder.glob("API_*.json")}
    described = json.loads((folder / "database.json").read_text()) | {"accounts": accounts, "layouts": layouts}
    with Simulator.from_dataset(described) as simulator:

        def turned_for(user: str) -> list[Line]:
            deployment.change_connection("filemaker_default", host=simulator.url, login=user, password=SECRET)
            return deployment.turned()

        assert turned_for("reader") == []
        assert "fmrest" in only(turned_for("outsider"), "FileMaker").seen
        assert "API_Notes" in only(turned_for("half"), "layouts and fields").seen


# --- people


def test_mail_server_that_is_away_is_named(deployment: Deployment) -> None:
    deployment.mail_port = free_ports(1)[0]
    deployment.change_connection("smtp_default")
    line = only(deployment.turned(), "mail server")
    assert "ConnectionRefusedError" in line.seen
    assert "'smtp_default'" in line.fix


class Choosy:
    """A mail server's word about whom it takes mail for."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "550 no such user"


@contextmanager
def choosy_server() -> Iterator[int]:
    port = free_ports(1)[0]
    server = Controller(Choosy(), hostname=LOOPBACK, port=port)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def test_address_that_the_mail_server_refuses_is_named(deployment: Deployment) -> None:
    with choosy_server() as port:
        deployment.mail_port = port
        deployment.change_connection("smtp_default")
        line = only(deployment.turned(), "mail server")
    assert "it refuses administrator@clinic.example (550)" in line.seen


def test_what_nobody_thought_of_is_one_line_too(deployment: Deployment) -> None:
    deployment.change_connection("smtp_default", extra={"disable_ssl": False, "ssl_context": "no such word"})
    assert "could not be looked at (RuntimeError)" in only(deployment.turned(), "mail server").seen


def test_missing_mail_connection_is_named(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT")
    assert "smtp" in only(deployment.turned(), "connection smtp_default").fix


def test_application_that_is_away_is_named(deployment: Deployment) -> None:
    address = {"conn_type": "http", "host": f"http://{LOOPBACK}:{free_ports(1)[0]}"}
    deployment.set_variable("AIRFLOW_CONN_NEXUS_API", json.dumps(address))
    assert "'nexus_api'" in only(deployment.turned(), "application").fix


# --- clocks


@pytest.mark.parametrize(("minutes", "mark"), [(1, "⚠"), (20, "❌")])
def test_clock_that_is_wrong_is_seen(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, minutes: int, mark: str
) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
    line = only(deployment.turned(), "clocks", mark)
    assert all(who in line.seen for who in ("PostgreSQL -", "object store -", "FileMaker -"))
    assert "NTP" in line.fix
