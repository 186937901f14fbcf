"""A way to the object store that ends or stops in the middle of an object's bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from local.network import LOOPBACK

BLOCK_BYTES = 4096


class HalfWay:
    """Forwards to an HTTP server; of the answer to a GET whose line holds `name` it passes on `byte_count` bytes.

    Then it closes the connection, or, with `is_holding`, lets it wait until the block ends. `reached` is set then.
    """

    def __init__(self, url: str, name: str, byte_count: int, *, is_holding: bool) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or 80)
        self._name = name.encode()
        self._byte_count = byte_count
        self._is_holding = is_holding
        self._ended = threading.Event()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.reached = threading.Event()
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until the block ends."""
        while not self._ended.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def end(self) -> None:
        """Let go of everything."""
        self._ended.set()
        self._listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, suppress(OSError):
            limited = threading.Event()
            threading.Thread(target=self._requests, args=(client, server, limited), daemon=True).start()
            passed = 0
            while block := server.recv(BLOCK_BYTES):
                if limited.is_set():
                    block = block[: max(self._byte_count - passed, 0)]
                    passed += len(block)
                client.sendall(block)
                if limited.is_set() and passed >= self._byte_count:
                    self.reached.set()
                    if self._is_holding:
                        self._ended.wait()
                    return

    def _requests(self, client: socket.socket, server: socket.socket, limited: threading.Event) -> None:
        with suppress(OSError):
            while block := client.recv(BLOCK_BYTES):
                line = block.split(b"\r\n", 1)[0]
                if line.startswith(b"GET ") and self._name in line:
                    limited.set()
                server.sendall(block)


@contextmanager
def half_way(url: str, name: str, byte_count: int, *, is_holding: bool = False) -> Iterator[HalfWay]:
    """Yield such a way; its `url` takes the place of the server's."""
    way = HalfWay(url, name, byte_count, is_holding=is_holding)
    thread = threading.Thread(target=way.serve, name="half way to the object store")
    thread.start()
    try:
        yield way
    finally:
        way.end()
        # an accept that waits does not notice that its socket was closed
        with suppress(OSError):
            socket.create_connection(urlsplit(way.url).netloc.split(":"), timeout=1).close()  # type: ignore[arg-type]
        thread.join()
