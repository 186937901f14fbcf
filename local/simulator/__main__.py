"""Runs the simulator alone: `python -m local.simulator --data DIR`."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import threading
from pathlib import Path

from . import options as command_line
from .api.changes import ChangeError
from .behaviour.faults import FaultError
from .data.dataset import DataSet, DataSetError
from .example import EXAMPLE
from .server import Simulator
from .wire.certificates import CertificateError


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 when the data set, a fault or a port cannot be used."""
    options = command_line.parse(arguments)
    if options.list_settings:
        print(command_line.listing())
        return 0
    # Ready for the signals before anybody is told the address.
    finished = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: finished.set())
    try:
        simulator = _make(options)
    except (DataSetError, FaultError, ChangeError, CertificateError, OSError) as error:
        print(f"{command_line.PROGRAM}: {error}", file=sys.stderr)
        return 1
    gc.freeze()  # the records stay: looking through them again and again would only cost time
    with simulator:
        print(f"FileMaker Data API on {simulator.url}", flush=True)
        print(f"Control API on {simulator.control_url}", flush=True)
        if simulator.ca_file:
            print(f"Certificate to trust: {simulator.ca_file}", flush=True)
        if options.example:
            print(f"Database {simulator.database}, user {simulator.user}, password {simulator.password}", flush=True)
        finished.wait()
    if options.port_file:
        options.port_file.unlink(missing_ok=True)  # whoever starts it again must not read the old addresses
    return 0


def _make(options: argparse.Namespace) -> Simulator:
    """Return a simulator that answers, and whose port file is written."""
    data_sets = [DataSet.read(EXAMPLE)] if options.example else []
    data_sets += [data_set for directory in options.data for data_set in DataSet.read_all(directory)]
    simulator = Simulator(
        *data_sets,
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        idle_timeout_seconds=options.idle_timeout,
        session_cap=options.session_cap,
        tls_files=(options.tls_certificate, options.tls_key) if options.tls_certificate else None,
        tls_self_signed=options.tls_self_signed,
        variants=command_line.variants(options),
    )
    try:
        simulator.control.set_faults(**command_line.faults(options))
    except (FaultError, ChangeError):
        simulator.stop()
        raise
    simulator.start()
    try:
        if options.port_file:
            _write_port_file(options.port_file, simulator)
    except OSError:
        simulator.stop()
        raise
    return simulator


def _write_port_file(path: Path, simulator: Simulator) -> None:
    """Write the file in one step, so that who waits for it never reads half of it."""
    content = {
        "port": simulator.port,
        "url": simulator.url,
        "control_port": simulator.control_port,
        "control_url": simulator.control_url,
    }
    if simulator.ca_file:
        content["ca_file"] = str(simulator.ca_file)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
