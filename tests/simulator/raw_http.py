"""Bytes to a port and back, for what HTTP clients are too well-behaved to send."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulator.tiny_clinic import TIMEOUT_SECONDS


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    content_type: str
    body: bytes
    method: str = "GET"


class _Received:
    """Received bytes in the place of a socket."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> io.BytesIO:
        return self._stream


class _KeptOpen(io.BytesIO):
    """A stream that one answer does not close for the next."""

    def close(self) -> None:
        pass


def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes, close this side, and return all that comes until the server closes its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except ConnectionResetError:  # it closed before it had read everything
            pass
        return received


def parse_answer(received: bytes) -> Iterator[Answer]:
    """Yield the answers in the received bytes; interim ones (100) are left out."""
    stream = _KeptOpen(received)
    while stream.tell() < len(received) and received[stream.tell() :].startswith(b"HTTP/"):
        answer = http.client.HTTPResponse(_Received(stream))  # type: ignore[arg-type]
        try:
            answer.begin()
        except http.client.RemoteDisconnected:  # nothing but an interim answer, and then this side closed
            return
        yield Answer(answer.status, answer.headers.get("Content-Type", ""), answer.read())
