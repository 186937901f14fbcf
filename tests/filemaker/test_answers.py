from __future__ import annotations

import json
from decimal import Decimal

import pytest
from nexus_import.errors import FileMakerLoginError, FileMakerRequestError
from nexus_import.filemaker.answers import (
    NO_ENVELOPE,
    Answer,
    Call,
    login_refused,
    read_answer,
    refused,
    unusable,
)

CALL = Call("GET /databases/Clinic/layouts/API_Contacts/records", "Clinic", "nexus_import", "API_Contacts")


def test_numbers_are_exact() -> None:
    body = b'{"response":{"small":0.1,"long":12345678901234567.25,"id":42},"messages":[{"code":"0"}]}'
    response = read_answer(200, body).response
    assert response == {"small": Decimal("0.1"), "long": Decimal("12345678901234567.25"), "id": 42}
    assert not any(isinstance(value, float) for value in response.values())


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Bad Gateway</body></html>",
        b"",
        b'{"response":{"data":[{"fieldDa',
        b'{"response":{}}',
        b'{"response":{},"messages":[]}',
        b'{"response":{},"messages":[{"code":"none"}]}',
        b'{"response":[],"messages":{}}',
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"response":{"n":NaN},"messages":[{"code":"0"}]}',
        b'{"response":[1],"messages":[{"code":"0"}]}',
        b"[" * 100_000,
    ],
)
def test_any_other_body_has_no_envelope(body: bytes) -> None:
    answer = read_answer(200, body)
    assert answer.code == NO_ENVELOPE
    assert answer.is_passing
    assert not answer.is_ok
    assert read_answer(401, body).is_session_lost


@pytest.mark.parametrize(
    ("http_status", "code", "is_session_lost", "is_passing"),
    [
        (401, 952, True, False),
        (500, 112, True, False),
        (401, 212, False, False),
        (500, 401, False, False),
        (500, 301, False, True),
        (500, 812, False, True),
        (500, 956, False, True),
        (503, 802, False, True),
        (500, 102, False, False),
        (500, 306, False, False),
        (500, 953, False, False),
        (400, 960, False, False),
    ],
)
def test_filemakers_code_decides(http_status: int, code: int, is_session_lost: bool, is_passing: bool) -> None:
    answer = Answer(http_status, code, "", {})
    assert (answer.is_session_lost, answer.is_passing) == (is_session_lost, is_passing)


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (9, "insufficient privileges"),
        (106, "table under layout 'API_Contacts'"),
        (200, "The account 'nexus_import' may not read layout 'API_Contacts'"),
        (201, "may not use a field of layout 'API_Contacts'"),
        (953, "licence"),
        (1630, "without a path"),
    ],
)
def test_refusals_say_what_to_do(code: int, part: str) -> None:
    error = refused(Answer(500, code, "x", {}), CALL)
    assert part in str(error)
    assert f"code {code}" in str(error)
    assert isinstance(error, FileMakerRequestError)
    assert (error.code, error.http_status, error.where) == (code, 500, CALL.where)


def test_an_unknown_code_quotes_filemaker_without_secrets() -> None:
    error = refused(Answer(400, 960, "Unknown parameter(s): {x} Bearer c0ffee " + "y" * 500, {}), CALL)
    assert "Unknown parameter(s): {x} Bearer ***" in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize(("code", "part"), [(212, "fmrest"), (214, "Wait until"), (802, "hosted"), (10, "login and")])
def test_login_refusals_say_what_to_check(code: int, part: str) -> None:
    error = login_refused(Answer(401, code, "", {}), CALL)
    assert isinstance(error, FileMakerLoginError)
    assert part in str(error)


def test_a_wrong_address_is_no_matter_of_the_account() -> None:
    assert isinstance(login_refused(Answer(404, 1630, "", {}), CALL), FileMakerRequestError)


def test_a_body_that_is_not_json_is_never_quoted() -> None:
    answer = read_answer(502, json.dumps({"nameLast": "Synthetic"}).encode())
    assert "Synthetic" not in f"{answer!r} {unusable(answer, CALL)}"
