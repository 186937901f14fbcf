"""Addresses: the one server a client speaks to, and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from nexus_import.errors import ConfigurationError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_LABEL_CHARACTERS, MAX_HOST_CHARACTERS = 63, 253  # of the name system
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_NAME = re.compile(r"[^\w-]")


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
    if fault := host_fault(parts.hostname):
        raise ConfigurationError(
            f"The host '{parts.hostname}' of the FileMaker connection is no host name: {fault}. Write the server's"
            " name as in https://filemaker.example.com."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port}" if has_port else f"{parts.scheme}://{host}"


def host_fault(host: str) -> str:
    """Return what makes a text no host name and no IP address, "" when it can be one."""
    if ":" in host:  # stood in brackets
        return ""
    labels = host.removesuffix(".").split(".")
    if "" in labels:
        return "it begins with a dot" if not labels[0] else "two dots follow each other"
    if found := _NOT_IN_A_NAME.search(host.replace(".", "")):
        return "it holds a space" if found[0].isspace() else f"it holds the character '{found[0]}'"
    if any(label.startswith("-") or label.endswith("-") for label in labels):
        return "a part of it begins or ends with a hyphen"
    try:
        sent = [label.encode("idna").decode() for label in labels]
    except UnicodeError:
        return f"a part of it is longer than {MAX_LABEL_CHARACTERS} characters, or cannot be written as a name"
    if len(".".join(sent)) > MAX_HOST_CHARACTERS:
        return f"it is longer than {MAX_HOST_CHARACTERS} characters"
    return ""


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
