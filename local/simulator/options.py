"""The command line of the simulator."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from .behaviour import settings
from .behaviour.settings import SettingError
from .behaviour.switches import Switches
from .behaviour.variants import Variants
from .control import SESSION_LIMITS
from .sessions.store import DEFAULT_IDLE_TIMEOUT_SECONDS, DEFAULT_SESSION_CAP
from .wire import jsontext

LAST_PORT: Final = 65_535
PROGRAM: Final = f"python -m {__package__}"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; ends the process when it is wrong or only asks for help."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A FileMaker Data API server without FileMaker, for tests of integrations.",
        epilog="Guide: docs/simulator.md",
    )
    _add_general(parser)
    _add_sessions(parser.add_argument_group("sessions"))
    _add_faults(parser.add_argument_group("faults, also switchable through the control API"))
    options = parser.parse_args(arguments)
    if not (options.data or options.example or options.list_settings):
        parser.error("one of --data, --example and --list-settings is required")
    if bool(options.tls_certificate) != bool(options.tls_key):
        parser.error("--tls-certificate and --tls-key belong together")
    if options.tls_certificate and options.tls_self_signed:
        parser.error("--tls-self-signed makes its own certificate; leave out --tls-certificate and --tls-key")
    if not options.host:
        parser.error("--host takes an address")
    return options


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is no port: 0 to {LAST_PORT}")
    return port


def _number_or_text(text: str) -> float | str:
    """Return a number; a text that is none is refused where the fault is read, with what it takes."""
    try:
        return float(text)
    except ValueError:
        return text


def faults(options: argparse.Namespace) -> dict[str, Any]:
    """Return every fault of the command line as `POST /faults` takes them; raises SettingError."""
    named = {
        "latency_ms": options.latency_ms,
        "cost_per_record_us": options.cost_per_record_us,
        "serial_engine": options.serial_engine,
        "unavailable_requests": options.unavailable_requests,
        "html_401_requests": options.html_401_requests,
        "data_cap": options.data_cap,
        "slow_layout": {name: _number_or_text(seconds) for name, seconds in options.slow_layout},
        "hold": options.hold,
    }
    try:
        others = jsontext.loads(options.faults)
    except ValueError as error:
        raise SettingError(f"--faults takes a JSON object: {error}") from error
    if not isinstance(others, dict):
        raise SettingError("--faults takes a JSON object")
    return {**named, **others, **dict(map(settings.read_assignment, options.fault))}


def variants(options: argparse.Namespace) -> dict[str, Any]:
    """Return the variants of the command line; raises SettingError."""
    return dict(map(settings.read_assignment, options.variant))


def listing() -> str:
    """Return one line for every fault and variant: name, quiet value, what it takes, what it does."""
    lines = []
    for title, owner in (("faults (--fault NAME=VALUE)", Switches), ("variants (--variant NAME=VALUE)", Variants)):
        lines.append(f"{title}:")
        for name, quiet, takes, help_text in settings.describe(owner):
            lines.append(f"  {name} = {quiet!r}: {help_text} ({takes})")
    lines.append("also as faults: kill_tokens, expire_container_urls, between_pages, " + ", ".join(SESSION_LIMITS))
    return "\n".join(lines)


def _add_general(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="data set: database.json and a JSON or CSV file per layout; again for another database",
    )
    add("--example", action="store_true", help="serve a small example with everything awkward in it")
    add("--list-settings", action="store_true", help="print every fault and variant, and end")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=_port, default=0, help="port of the Data API (default: a free one)")
    add("--control-port", type=_port, default=0, help="port of the control API (default: a free one)")
    add("--port-file", type=Path, metavar="FILE", help="write both ports and addresses to FILE as JSON")
    add("--tls-certificate", type=Path, metavar="FILE", help="serve the Data API over TLS (PEM)")
    add("--tls-key", type=Path, metavar="FILE", help="private key of the certificate (PEM)")
    add(
        "--tls-self-signed",
        action="store_true",
        help="serve over TLS with a certificate made by the program openssl; clients trust the printed file",
    )
    add(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the kind of server, see --list-settings",
    )


def _add_sessions(group: Any) -> None:
    add = group.add_argument
    add(
        "--idle-timeout",
        type=float,
        default=DEFAULT_IDLE_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="sessions that nobody uses end after it (default %(default)g)",
    )
    add(
        "--session-cap",
        type=int,
        default=DEFAULT_SESSION_CAP,
        metavar="N",
        help="more logins answer 812 (default %(default)s)",
    )


def _add_faults(group: Any) -> None:
    add = group.add_argument
    add("--latency-ms", type=float, default=0.0, metavar="MS", help="every request")
    add("--cost-per-record-us", type=float, default=0.0, metavar="US", help="every record of an answer")
    add("--serial-engine", action="store_true", help="the cost of records is paid by one request at a time")
    add("--unavailable-requests", type=int, default=0, metavar="N", help="the first N answer 502 with HTML")
    add("--html-401-requests", type=int, default=0, metavar="N", help="N answer 401 with HTML; not logins")
    add("--data-cap", action="store_true", help="data requests answer 953")
    add("--slow-layout", nargs=2, action="append", default=[], metavar=("LAYOUT", "SECONDS"))
    add("--hold", action="append", default=[], metavar="LAYOUT", help="its requests wait for a release")
    add("--fault", action="append", default=[], metavar="NAME=VALUE", help="any fault, see --list-settings")
    add("--faults", default="{}", metavar="JSON", help="any number of them, as in POST /faults")
