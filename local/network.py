"""Ports on loopback for the servers of the embedded stack."""

from __future__ import annotations

import contextlib
import socket
import time

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.05


def loopback_name() -> str:
    """Return the host name under which Airflow's processes find each other."""
    return LOOPBACK


def free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports that nobody listens on right now.

    All sockets are held at the same time, so the ports differ from each other; they are free again when this
    returns, so use them soon.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until_free(port: int, seconds: float = 10.0) -> bool:
    """Wait until nothing accepts connections on the port; False when something still does after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_listening(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
