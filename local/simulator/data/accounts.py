"""Who may open a hosted file: accounts with their privileges, and what each is opened by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DataSetError

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
