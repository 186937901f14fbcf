"""One answer of the Data API, read defensively, and the error it means.

What a caller may do is decided by FileMaker's own code, not by the HTTP status: status 500 carries most
errors that no retry can mend.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nexus_import.errors import (
    FileMakerError,
    FileMakerLoginError,
    FileMakerRequestError,
    FileMakerUnavailable,
)
from nexus_import.filemaker.redaction import redact

NO_ENVELOPE = -1  # the body is not the Data API's JSON: HTML of a proxy, or cut off

CODE_OK = 0
CODE_RECORD_MISSING = 101
CODE_FIELD_MISSING = 102
CODE_LAYOUT_MISSING = 105
CODE_WINDOW_MISSING = 112
CODE_NO_MATCH = 401
CODES_CRITERION_UNREADABLE = frozenset({500, 501, 502})  # a date, time or number that is none
CODE_INVALID_TOKEN = 952
CODE_PARAMETER_INVALID = 1708
SESSION_LOST_CODES = frozenset({CODE_WINDOW_MISSING, CODE_INVALID_TOKEN})
FULL_CODES = frozenset({812, 956})
PASSING_CODES = FULL_CODES | {301}
PASSING_HTTP_STATUSES = frozenset({502, 503, 504})
HTTP_UNAUTHORIZED = 401
SERVER_MESSAGE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status, FileMaker code, FileMaker's message and the `response` part (health data, not in repr)."""

    http_status: int
    code: int
    message: str
    response: dict[str, Any] = field(repr=False)
    header_token: str = field(default="", repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether FileMaker did what it was asked."""
        return self.code == CODE_OK

    @property
    def is_session_lost(self) -> bool:
        """Whether a new log-in and a replay can help."""
        if self.code == NO_ENVELOPE:
            return self.http_status == HTTP_UNAUTHORIZED
        return self.code in SESSION_LOST_CODES

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later without anyone changing anything."""
        return (
            self.code == NO_ENVELOPE
            or self.code in PASSING_CODES
            or (self.http_status in PASSING_HTTP_STATUSES and not self.is_ok)
        )


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, in words for messages: `where` has no host, token or query values."""

    where: str
    database: str
    username: str
    layout: str = ""


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def read_answer(http_status: int, body: bytes, header_token: str = "") -> Answer:
    """Return the answer of a body; numbers become int or Decimal, a body without envelope NO_ENVELOPE."""
    no_envelope = Answer(http_status, NO_ENVELOPE, "", {})
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
        message = document["messages"][0]
        code = int(message["code"])
        response = document.get("response") or {}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return no_envelope
    if not isinstance(response, dict):
        return no_envelope
    return Answer(http_status, code, str(message.get("message", "")), response, header_token)


def unusable(answer: Answer, call: Call) -> FileMakerUnavailable:
    """Return the error for an answer that a later retry may mend."""
    reasons = {
        812: "FileMaker Server is at its capacity of sessions (code 812)",
        956: "FileMaker Server has its maximum of database sessions open (code 956)",
        301: "The record is in use by another user (code 301)",
        NO_ENVELOPE: f"The answer was not the Data API's JSON (HTTP {answer.http_status}): its engine may be"
        " restarting or switched off, or a proxy answered in its place",
        CODE_INVALID_TOKEN: "FileMaker ended the session again right after log-in (code 952). Check the"
        " spelling of the database name, upper and lower case included",
    }
    reason = reasons.get(answer.code, f"FileMaker is not ready (HTTP {answer.http_status}, code {answer.code})")
    return FileMakerUnavailable(
        f"{reason}, at {call.where}.",
        code=max(answer.code, 0),
        http_status=answer.http_status,
        where=call.where,
    )


def refused(answer: Answer, call: Call) -> FileMakerError:
    """Return the error for an answer that no retry can mend, worded for the reader of a task log."""
    words = _REQUEST_WORDS.get(answer.code)
    if words is None:
        said = redact(answer.message)[:SERVER_MESSAGE_CHARACTERS]
        words = f'FileMaker refused {{where}} (HTTP {answer.http_status}, code {{code}}): "{_literal(said)}".'
    text = words.format(code=answer.code, **_names(call))
    return FileMakerRequestError(text, code=answer.code, http_status=answer.http_status, where=call.where)


def login_refused(answer: Answer, call: Call) -> FileMakerError:
    """Return the error for a refused log-in: FileMakerLoginError when it was the account; never retried."""
    words = _LOGIN_WORDS.get(answer.code)
    if words is None and answer.http_status != HTTP_UNAUTHORIZED:
        return refused(answer, call)
    text = (words or _LOGIN_WORDS[212]).format(code=answer.code, **_names(call))
    return FileMakerLoginError(text, code=max(answer.code, 0), http_status=answer.http_status, where=call.where)


def _names(call: Call) -> dict[str, str]:
    return {
        "where": call.where,
        "database": call.database,
        "username": call.username,
        "layout": call.layout,
    }


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


_NOT_RETRIED = " It is not retried: repeated bad logins lock the account (214)."
_LOGIN_WORDS = {
    212: "FileMaker refused the account '{username}' for database '{database}' (code {code}). Check user name"
    " and password of the Airflow connection, and that its privilege set has the extended privilege fmrest."
    + _NOT_RETRIED,
    214: "FileMaker has locked the account '{username}' for database '{database}' after too many bad logins"
    " (code {code}). Wait until it is free again or unlock it in FileMaker, and correct the Airflow"
    " connection first.",
    802: "FileMaker could not open the database '{database}' for the account '{username}' (code {code})."
    " Check that the file is hosted and open, that the connection's schema is its name without .fmp12, and"
    " that the account's privilege set has the extended privilege fmrest.",
    9: "The account '{username}' may not use the Data API of database '{database}' (code {code}). Add the"
    " extended privilege fmrest to its privilege set." + _NOT_RETRIED,
    10: "FileMaker did not accept the credentials sent for database '{database}' (code {code}). The Airflow"
    " connection needs login and password.",
}
_PRIVILEGES = " Give the account '{username}' a privilege set that may view the records and fields of that layout."
_REQUEST_WORDS = {
    9: "The account '{username}' has insufficient privileges for {where} (code {code})." + _PRIVILEGES,
    100: "A file that {where} needs is missing (code {code}). Check the file references in FileMaker.",
    CODE_RECORD_MISSING: "FileMaker has no such record (code {code}), at {where}. It may have been deleted.",
    CODE_FIELD_MISSING: "A field that was asked for is missing on layout '{layout}' (code {code}).",
    104: "FileMaker has no such script (code {code}), at {where}.",
    CODE_LAYOUT_MISSING: "FileMaker database '{database}' has no layout '{layout}' (code {code}).",
    106: "The table under layout '{layout}' is missing (code {code}). Check the layout's table in FileMaker.",
    200: "The account '{username}' may not read layout '{layout}' (access denied, code {code})." + _PRIVILEGES,
    201: "The account '{username}' may not use a field of layout '{layout}' (code {code})." + _PRIVILEGES,
    202: "A file that {where} needs refuses the account '{username}' (code {code})." + _PRIVILEGES,
    802: "FileMaker could not open the database '{database}' (code {code}), at {where}. Check that the file"
    " is hosted and open.",
    953: "The yearly data volume of FileMaker's Data API is used up (code {code}). The licence must be"
    " extended; a retry cannot help.",
    1630: "FileMaker does not know the address {where} (code {code}). Check the host of the Airflow"
    " connection: it is the server's address without a path.",
}
