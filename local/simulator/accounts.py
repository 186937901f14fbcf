"""Who may open a hosted file: accounts with their privileges, and the ways a log-in names one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.simulator.errors import DataApiError, DataSetError

OAUTH_REQUEST_HEADER: Final = "x-fm-data-oauth-request-id"
OAUTH_IDENTIFIER_HEADER: Final = "x-fm-data-oauth-identifier"

BASIC, CLARIS_ID, OAUTH, UNKNOWN = "basic", "fmid", "oauth", "unknown"


@dataclass(frozen=True)
class Credentials:
    """What a client offers: (user, password), a Claris ID token, or an OAuth (request id, identifier)."""

    kind: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """One account of a file and what its privilege set allows; layouts in `denied_layouts` cannot be read."""

    user: str
    password: str
    has_fmrest: bool = True
    is_read_only: bool = False
    denied_layouts: frozenset[str] = frozenset()


class Accounts:
    """The accounts of one file; Claris ID tokens and OAuth pairs stand for its first account."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.first = Account(_text(description, "user"), _text(description, "password"))
        self._by_parts: dict[Credentials, Account] = {}
        self._add(BASIC, (self.first.user, self.first.password), self.first)
        for described in description.get("accounts", ()):
            account = _read_account(described)
            self._add(BASIC, (account.user, account.password), account)
        for token in description.get("fmidTokens", ()):
            self._add(CLARIS_ID, (str(token),), self.first)
        for described in description.get("oauth", ()):
            pair = (_text(described, "requestId"), _text(described, "identifier"))
            self._add(OAUTH, pair, self.first)

    def account_of(self, credentials: Credentials) -> Account | None:
        """Return the account that the credentials open, None when there is none."""
        return self._by_parts.get(credentials)

    def _add(self, kind: str, parts: tuple[str, ...], account: Account) -> None:
        self._by_parts[Credentials(kind, parts)] = account


def read_credentials(headers: Mapping[str, str]) -> Credentials | None:
    """Return what the headers of a log-in offer, None when they offer nothing.

    Raises DataApiError 212 for a Basic header that cannot be decoded.
    """
    request_id, identifier = headers.get(OAUTH_REQUEST_HEADER), headers.get(OAUTH_IDENTIFIER_HEADER)
    if request_id and identifier:
        return Credentials(OAUTH, (request_id, identifier))
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    match scheme.lower():
        case "":
            return None
        case "basic":
            return Credentials(BASIC, _decode(rest))
        case "fmid":
            return Credentials(CLARIS_ID, (rest.strip(),))
    return Credentials(UNKNOWN)


def read_data_sources(content: object) -> dict[str, Credentials]:
    """Return the credentials of `fmDataSource` by database; raises DataApiError 1708 for a wrong shape."""
    if not isinstance(content, list):
        raise DataApiError(1708)
    sources = {}
    for described in content:
        if not isinstance(described, dict) or not all(isinstance(value, str) for value in described.values()):
            raise DataApiError(1708)
        database = described.get("database")
        if database is None:
            raise DataApiError(1708)
        if "oAuthRequestId" in described:
            parts = (described["oAuthRequestId"], described.get("oAuthIdentifier", ""))
            sources[database] = Credentials(OAUTH, parts)
        else:
            parts = (described.get("username", ""), described.get("password", ""))
            sources[database] = Credentials(BASIC, parts)
    return sources


def _decode(encoded: str) -> tuple[str, ...]:
    try:
        user, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        separator = ""
    if not separator:
        raise DataApiError(212, "Authorization header 'Basic' invalid.")
    return user, password


def _read_account(described: Mapping[str, Any]) -> Account:
    return Account(
        _text(described, "user"),
        _text(described, "password"),
        has_fmrest=bool(described.get("fmrest", True)),
        is_read_only=bool(described.get("readOnly", False)),
        denied_layouts=frozenset(described.get("deniedLayouts", ())),
    )


def _text(described: Mapping[str, Any], name: str) -> str:
    try:
        return str(described[name])
    except KeyError as missing:
        raise DataSetError(f"the data set has no {missing}") from missing
