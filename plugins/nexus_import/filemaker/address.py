"""Addresses: the one server a client speaks to, and what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from nexus_import.errors import ConfigurationError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host (lower case) and port of an address: what decides whether a token may be sent there."""

    scheme: str
    host: str
    port: int


def server_address(url: str) -> str:
    """Return scheme, host and port of a FileMaker server; raises ConfigurationError on anything else."""
    parts = _split(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError(
            "The host of the FileMaker connection must be an address such as https://filemaker.example.com."
        )
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise ConfigurationError(
            "The host of the FileMaker connection holds credentials: put them into login and password instead."
        )
    try:
        has_port = parts.port is not None
    except ValueError:
        raise ConfigurationError("The port of the FileMaker connection must be a number up to 65535.") from None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port}" if has_port else f"{parts.scheme}://{host}"


def port_of(url: str) -> int | None:
    """Return the port that an address names; None when it names none, or none that can be read."""
    parts = _split(url)
    try:
        return parts.port if parts else None
    except ValueError:
        return None


def origin(url: str) -> Origin | None:
    """Return where an address leads; None when that is not plain http or https to a host."""
    parts = _split(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    if "@" in parts.netloc or "\\" in parts.netloc:  # readers of addresses disagree on what the host is then
        return None
    try:
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except ValueError:
        return None
    return Origin(parts.scheme, parts.hostname, port)


def is_unencrypted(url: str) -> bool:
    """Return whether credentials would travel in the clear over a network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS


def join_path(parts: Sequence[str]) -> str:
    """Return the parts as a path, each quoted; raises ConfigurationError for one that would lead elsewhere."""
    for part in parts:
        if part in ("", ".", ".."):  # a quoted dot is taken for a dot again on its way
            raise ConfigurationError(
                f"'{part}' is no name of a FileMaker database, layout or record, so nothing was asked for."
            )
    return "".join("/" + quote(part, safe="") for part in parts)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url.strip())
    except ValueError:  # brackets that do not hold an IPv6 address
        return None
