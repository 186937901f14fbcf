"""TLS before a server that has none: what comes in is decrypted and passed on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from local.network import LOOPBACK
from tests.filemaker.certificates import make_certificate

BLOCK_BYTES = 65_536


@dataclass(frozen=True)
class TlsWay:
    """A port that speaks TLS; `ca_file` is what its certificate is checked against."""

    port: int
    ca_file: Path


@contextmanager
def open_tls(directory: Path, port: int) -> Iterator[TlsWay]:
    """Serve TLS on a port of its own and pass everything on to `port`."""
    certificate, key = make_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((LOOPBACK, 0)) as server:
        threading.Thread(target=_accept, args=(server, context, port), daemon=True).start()
        yield TlsWay(server.getsockname()[1], certificate)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):
        while True:
            raw, _ = server.accept()
            threading.Thread(target=_serve, args=(raw, context, port), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, port: int) -> None:
    # a client that does not trust the certificate ends the connection here
    with (
        suppress(OSError),
        context.wrap_socket(raw, server_side=True) as near,
        socket.create_connection((LOOPBACK, port)) as far,
    ):
        back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
        back.start()
        _pass_on(near, far)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(BLOCK_BYTES):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
