from __future__ import annotations

import logging

import pytest
from nexus_import.filemaker.redaction import guard_library_logs, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "DELETE /databases/Clinic/sessions/c0ffee HTTP/1.1",
            "DELETE /databases/Clinic/sessions/*** HTTP/1.1",
        ),
        ("url: /sessions/c0ffee (Caused by", "url: /sessions/*** (Caused by"),
        ("Authorization: Bearer c0ffee", "Authorization: Bearer ***"),
        ("Authorization: Basic bmV4dXM6cHc=", "Authorization: Basic ***"),
        ("POST /databases/Clinic/sessions", "POST /databases/Clinic/sessions"),
        ("GET /Streaming_SSL/MainDB/c0ffee.png?RCType=x", "GET /Streaming***"),
        ("unparsed data: 'X-FM-Data-Access-Token: c0ffee'", "unparsed data: 'X-FM-Data-Access-Token: ***'"),
    ],
)
def test_tokens_and_credentials_are_redacted(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_library_logs_are_redacted_once_however_often_guarded(caplog: pytest.LogCaptureFixture) -> None:
    guard_library_logs()
    guard_library_logs()
    library = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG, logger=library.name):
        library.debug('"%s %s" %s', "DELETE", "/fmi/data/vLatest/databases/C/sessions/c0ffee", 200)
        library.debug("%d connections", 3)
    assert caplog.messages == ['"DELETE /fmi/data/vLatest/databases/C/sessions/***" 200', "3 connections"]
    assert len([item for item in library.filters if type(item).__name__ == "TokenFilter"]) == 1


def test_tracebacks_of_a_library_are_not_logged_since_nobody_redacts_them(caplog: pytest.LogCaptureFixture) -> None:
    guard_library_logs()
    library = logging.getLogger("urllib3.connectionpool")
    try:
        raise ValueError("/sessions/c0ffee")
    except ValueError:
        library.warning("failed at %s", "/sessions/c0ffee", exc_info=True)
        library.warning("failed", exc_info=True)
    assert caplog.messages == ["failed at /sessions/***", "failed"]
    assert "c0ffee" not in caplog.text
