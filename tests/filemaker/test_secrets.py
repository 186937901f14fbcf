"""Password, tokens and patients' data stay where they belong: in no log, error, traceback, `repr` or pickle."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import _serialize_template_field
from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.client import CONNECT_TIMEOUT_SECONDS, FileMakerClient
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.hook import FileMakerHook
from nexus_import.filemaker.records import Sort
from nexus_import.filemaker.redaction import Secret

from local.simulator import Simulator

from .conftest import CONTACTS, DATA_SET, PASSWORD, USER

HEALTH_DATA = "Synthetic"  # a last name in every record, and a criterion


class Spy:
    """A client whose tokens and password are known, and all that was written about them."""

    def __init__(self, server: Simulator) -> None:
        self.server = server
        self.client = FileMakerClient(server.url, "Clinic", USER, PASSWORD, retry_attempts=2, retry_wait_seconds=0.001)
        self.secrets = {PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
        self.written: list[str] = []
        self.frames: list[str] = []

    def note_tokens(self) -> None:
        self.secrets |= {token.reveal() for token in self.client._pool.account.open_tokens}

    def note_error(self, call: Callable[[], object]) -> FileMakerError:
        with pytest.raises(FileMakerError) as raised:
            call()
        self.note_tokens()
        error = raised.value
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.frames += [str(frame.locals) for frame in shown.stack if "/tests/" not in frame.filename]
        self.written += [*traceback.format_exception(error), str(error), repr(error), str(vars(error))]
        self.written.append(pickle.dumps(error).decode("latin-1"))
        assert error.__cause__ is error.__context__ is None, "an error of requests holds the path, and so a token"
        return error

    def leaks(self) -> list[str]:
        """Return each secret that was written, and the text: frames of a find hold its criteria, but no secret."""
        found = [
            f"{secret}: {text}" for secret in {*self.secrets, HEALTH_DATA} for text in self.written if secret in text
        ]
        return found + [f"{secret}: {text}" for secret in self.secrets for text in self.frames if secret in text]


@pytest.fixture
def spy(caplog: pytest.LogCaptureFixture) -> Iterator[Spy]:
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith("urllib3"):
            logging.getLogger(name).filters.clear()  # what an earlier client attached
    with caplog.at_level(logging.DEBUG), Simulator.from_dataset(DATA_SET) as server:
        watched = Spy(server)
        yield watched
        watched.client.close()


def test_nothing_is_written_in_a_life_full_of_accidents(spy: Spy, caplog: pytest.LogCaptureFixture) -> None:
    client, control = spy.client, spy.server.control
    client.found_count(CONTACTS)
    spy.note_tokens()
    control.kill_tokens()
    client.find(CONTACTS, [{"nameLast": f"=={HEALTH_DATA}"}], sort=[Sort("id")])
    spy.note_tokens()
    client._pool.discard(client._pool._places[-1])
    client.found_count(CONTACTS)
    spy.note_tokens()
    spy.written += [repr(client), str(vars(client)), repr(client._pool), str(vars(client._pool))]
    spy.written += [str(vars(client._pool.account)), *(str(vars(place)) for place in client._pool._places)]
    spy.written += [repr(client.get_records(CONTACTS)), repr(client._exchange), str(vars(client._exchange))]

    def ask() -> object:
        return client.find(CONTACTS, [{"nameLast": f"=={HEALTH_DATA}"}])

    control.set_faults(unavailable_requests=2)
    spy.note_error(ask)
    control.set_faults(dropped_requests=2)
    spy.note_error(ask)
    control.set_faults(truncated_responses=2)
    spy.note_error(ask)
    control.set_faults(scripted_errors=[{"code": 960, "target": CONTACTS, "message": "Bearer c0ffee"}])
    assert "Bearer ***" in str(spy.note_error(ask))
    spy.note_error(lambda: client.find(CONTACTS, [{"nameLst": HEALTH_DATA}]))
    control.hold(CONTACTS)
    client._transport.timeout_seconds = (CONNECT_TIMEOUT_SECONDS, 0.3)
    assert isinstance(spy.note_error(ask), FileMakerTimedOutError)
    at_once = spy.note_error(lambda: client.get_records(CONTACTS, is_timeout_retried=False))
    assert isinstance(at_once, FileMakerTimedOutError)
    control.release()
    spy.server.stop()
    assert isinstance(spy.note_error(ask), FileMakerUnavailable)
    spy.note_error(client.product_info)
    client.close()

    spy.written.append(caplog.text)
    assert len(spy.secrets) >= 5
    assert "/sessions/***" in caplog.text, "urllib3 logs the path of a log-out, and the token was taken out"
    assert spy.leaks() == []


def test_a_refused_password_is_not_written(spy: Spy, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "wrong:pass/wörd"
    spy.client = FileMakerClient(spy.server.url, "Clinic", USER, wrong)
    spy.secrets |= {wrong, base64.b64encode(f"{USER}:{wrong}".encode()).decode()}
    assert isinstance(spy.note_error(spy.client.layouts), FileMakerLoginError)
    assert isinstance(spy.note_error(spy.client.layouts), FileMakerLoginError)
    spy.written.append(caplog.text)
    assert spy.leaks() == []


@pytest.mark.parametrize("dump", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_what_holds_sessions_cannot_be_pickled(dump: Callable[[Any], object], spy: Spy) -> None:
    client = spy.client
    client.layouts()
    for holder in (client, client._pool, client._pool.credentials, client._pool._places[-1].token):
        with pytest.raises(TypeError, match="FileMaker client") as raised:
            dump(holder)
        spy.written.append(str(raised.value))
    assert spy.leaks() == []


def test_airflow_renders_neither_client_nor_hook_with_secrets(spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "conn_type": "filemaker",
        "host": spy.server.url,
        "schema": "Clinic",
        "login": USER,
        "password": PASSWORD,
    }
    monkeypatch.setenv("AIRFLOW_CONN_FILEMAKER_DEFAULT", json.dumps(connection))
    hook = FileMakerHook()
    with hook.get_conn() as client:
        client.layouts()
        spy.secrets |= {token.reveal() for token in client._pool.account.open_tokens}
        for value in (client, hook, {"client": client, "hooks": [hook]}, client._pool, client._pool._places):
            spy.written.append(json.dumps(_serialize_template_field(value, "field")))
        spy.written += [repr(hook), str(vars(hook))]
    assert any("FileMakerClient" in text for text in spy.written)
    assert spy.leaks() == []


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("c0ffee")
    assert secret.reveal() == "c0ffee"
    assert [repr(secret), str(secret), f"{secret}", f"{[secret]}"] == ["***", "***", "***", "[***]"]
    assert secret == Secret("c0ffee") != Secret("tea")
    assert secret != "c0ffee"
    assert {secret: 1}[Secret("c0ffee")] == 1


def test_errors_survive_a_pickle_with_all_they_say(spy: Spy) -> None:
    spy.server.control.set_faults(unavailable_requests=2)
    error = spy.note_error(spy.client.layouts)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    spy.server.stop()
    lost = spy.note_error(spy.client.layouts)
    again = pickle.loads(pickle.dumps(lost))
    assert (type(again), str(again), vars(again)) == (type(lost), str(lost), vars(lost))
