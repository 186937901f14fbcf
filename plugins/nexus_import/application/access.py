"""Where the application is and who asks, as an Airflow connection says it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from nexus_import.errors import ConfigurationError

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 60.0
"""The calendar of a practice of 10,000 appointments takes several seconds."""
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


@dataclass(frozen=True)
class Access:
    """The application's address without a slash at its end, the headers to send, and what TLS is checked against.

    `verify` is a CA file, or whether certificates are checked at all. `headers` hold secrets.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: str | bool = requests.utils.DEFAULT_CA_BUNDLE_PATH
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS


def read_access(
    name: str,
    *,
    host: str | None,
    port: int | None = None,
    scheme: str | None = None,
    login: str | None = None,
    password: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Access:
    """Return the access that an Airflow connection describes; raise `ConfigurationError` naming what is wrong.

    `host` may name scheme, port and a path itself. `extra` may hold `token` (sent as `Token …`), `headers`, `ca_file`
    (PEM), `verify`, `connect_timeout` and `read_timeout` (seconds); login and password are sent as HTTP Basic.
    """
    extra = extra or {}
    verify: str | bool = str(extra.get("verify", True)).casefold() not in {"false", "0", "no"}
    if verify:
        verify = requests.utils.DEFAULT_CA_BUNDLE_PATH
        if ca_file := extra.get("ca_file"):
            verify = str(ca_file)
            if not Path(verify).is_file():
                raise ConfigurationError(
                    f"The Airflow connection '{name}' names the CA file '{verify}', which does not exist on this "
                    "machine: correct 'ca_file' in its extra, or put the file there."
                )
    return Access(
        _address(name, host, port, scheme),
        _headers(name, login, password, extra),
        verify,
        _seconds(name, extra, "connect_timeout", CONNECT_TIMEOUT_SECONDS),
        _seconds(name, extra, "read_timeout", READ_TIMEOUT_SECONDS),
    )


def _address(name: str, host: str | None, port: int | None, scheme: str | None) -> str:
    address = (host or "").strip().rstrip("/")
    if "://" not in address:
        address = f"{scheme or 'https'}://{address}"
    if port:
        start, slashes, rest = address.partition("://")
        server, slash, path = rest.partition("/")
        if not re.search(r":\d+$", server):
            address = f"{start}{slashes}{server}:{port}{slash}{path}"
    if not _ADDRESS.fullmatch(address) or not _has_host(address):
        raise ConfigurationError(
            f"The Airflow connection '{name}' names no address that can be asked: its host is the address of Nexus, "
            "such as https://nexus.example.com, without an account in it."
        )
    return address


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _headers(name: str, login: str | None, password: str | None, extra: Mapping[str, Any]) -> dict[str, str]:
    own = extra.get("headers") or {}
    if not isinstance(own, Mapping):
        raise ConfigurationError(
            f"The Airflow connection '{name}' has 'headers' in its extra that are no object of names and values."
        )
    headers = {str(key): str(value) for key, value in own.items()}
    if token := extra.get("token"):
        headers["Authorization"] = f"Token {token}"
    elif login:
        account = base64.b64encode(f"{login}:{password or ''}".encode()).decode()
        headers["Authorization"] = f"Basic {account}"
    return headers


def _seconds(name: str, extra: Mapping[str, Any], key: str, default: float) -> float:
    value = extra.get(key)
    if value in (None, ""):
        return default
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"The extra '{key}' of the Airflow connection '{name}' must be a number of seconds.")
    return seconds
