"""Runs the simulator alone: `python -m local.simulator --data DIR`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from local.simulator.dataset import DataSet, DataSetError
from local.simulator.faults import FaultError
from local.simulator.server import Simulator
from local.simulator.sessions import DEFAULT_IDLE_TIMEOUT_SECONDS, DEFAULT_SESSION_CAP


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 when the data set, a fault or a port cannot be used."""
    options = _parse(arguments)
    # Ready for the signals before anybody is told the address.
    finished = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: finished.set())
    try:
        simulator = _make(options)
    except (DataSetError, FaultError, OSError, json.JSONDecodeError) as error:
        print(f"python -m local.simulator: {error}", file=sys.stderr)
        return 1
    with simulator.start():
        if options.port_file:
            _write_port_file(options.port_file, simulator)
        print(f"FileMaker Data API on {simulator.url}", flush=True)
        print(f"Control API on {simulator.control_url}", flush=True)
        finished.wait()
    return 0


def _make(options: argparse.Namespace) -> Simulator:
    tls_files = (options.tls_certificate, options.tls_key) if options.tls_certificate else None
    simulator = Simulator(
        DataSet.read(options.data),
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        idle_timeout_seconds=options.idle_timeout,
        session_cap=options.session_cap,
        tls_files=tls_files,
    )
    simulator.control.set_faults(**_faults(options))
    return simulator


def _faults(options: argparse.Namespace) -> dict[str, Any]:
    named = {
        "latency_ms": options.latency_ms,
        "cost_per_record_us": options.cost_per_record_us,
        "serial_engine": options.serial_engine,
        "unavailable_requests": options.unavailable_requests,
        "html_401_requests": options.html_401_requests,
        "data_cap": options.data_cap,
        "slow_layout": {name: float(seconds) for name, seconds in options.slow_layout},
        "hold": options.hold,
    }
    return {**named, **json.loads(options.faults)}


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator",
        description="A FileMaker Data API server without FileMaker, for tests of integrations.",
        epilog="Guide: docs/simulator.md",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="data set: database.json and <layout>.json")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="port of the Data API (default: a free one)")
    add("--control-port", type=int, default=0, help="port of the control API (default: a free one)")
    add("--port-file", type=Path, metavar="FILE", help="write both ports and addresses to FILE as JSON")
    add("--tls-certificate", type=Path, metavar="FILE", help="serve the Data API over TLS (PEM)")
    add("--tls-key", type=Path, metavar="FILE", help="private key of the certificate (PEM)")
    session = parser.add_argument_group("sessions")
    add = session.add_argument
    add("--idle-timeout", type=float, default=DEFAULT_IDLE_TIMEOUT_SECONDS, metavar="SECONDS")
    add("--session-cap", type=int, default=DEFAULT_SESSION_CAP, metavar="N", help="more logins answer 812")
    faults = parser.add_argument_group("faults, also switchable through the control API")
    add = faults.add_argument
    add("--latency-ms", type=float, default=0.0, metavar="MS", help="every request")
    add("--cost-per-record-us", type=float, default=0.0, metavar="US", help="every record of an answer")
    add("--serial-engine", action="store_true", help="the cost of records is paid by one request at a time")
    add("--unavailable-requests", type=int, default=0, metavar="N", help="the first N answer 502 with HTML")
    add("--html-401-requests", type=int, default=0, metavar="N", help="N answer 401 with HTML; not logins")
    add("--data-cap", action="store_true", help="data requests answer 953")
    add("--slow-layout", nargs=2, action="append", default=[], metavar=("LAYOUT", "SECONDS"))
    add("--hold", action="append", default=[], metavar="LAYOUT", help="its requests wait for a release")
    add("--faults", default="{}", metavar="JSON", help="any others, as in POST /faults")
    return parser.parse_args(arguments)


def _write_port_file(path: Path, simulator: Simulator) -> None:
    """Write the file in one step, so that who waits for it never reads half of it."""
    content = {
        "port": simulator.port,
        "url": simulator.url,
        "control_port": simulator.control_port,
        "control_url": simulator.control_url,
    }
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
