"""Servers that are no FileMaker Server, and ports on which nothing answers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

ACCEPT_SECONDS = 20
POLL_SECONDS = 0.02
TLS_HANDSHAKE = b"\x16"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"


@dataclass(frozen=True)
class Reply:
    """One scripted answer."""

    status: int
    body: bytes = b"<html><body>no API here</body></html>"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})


def envelope(code: int, response: dict[str, Any] | None = None, status: int = 200) -> Reply:
    """Return an answer in the Data API's form."""
    body = json.dumps({"response": response or {}, "messages": [{"code": str(code), "message": "x"}]})
    return Reply(status, body.encode(), {"Content-Type": "application/json"})


class ScriptedServer(HTTPServer):
    """Answers a request by its method and the end of its path, others with HTML 404; remembers requests and headers."""

    def __init__(self, replies: dict[str, Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Scripted)
        self._replies = replies
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def reply(self, method: str, path: str) -> Reply:
        for name, reply in self._replies.items():
            verb, _, end = name.partition(" ")
            if verb == method and path.endswith(end):
                return reply
        return Reply(404)


class _Scripted(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((f"{self.command} {self.path}", headers))
        self.rfile.read(int(headers.get("content-length", 0)))
        reply = self.server.reply(self.command, self.path)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_POST = do_DELETE = do_GET  # noqa: N815 the names http.server calls

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def scripted_server(replies: dict[str, Reply]) -> Iterator[ScriptedServer]:
    server = ScriptedServer(replies)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def full_port() -> Iterator[int]:
    """Yield a port that takes no connection: its queue is full, so that the system drops further ones."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def stalling_server(headers: bytes) -> Iterator[str]:
    """Yield the address of a server that answers with these bytes and then says nothing until the client goes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(POLL_SECONDS)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(ACCEPT_SECONDS)
                        connection.recv(65_536)
                        connection.sendall(headers)
                        connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()
            thread.join()


@contextmanager
def tls_port_that_says_bad_request(certificate: tuple[Path, Path], connections: int) -> Iterator[int]:
    """Yield a port that speaks TLS and answers plain HTTP with 400 and HTML, as web servers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ACCEPT_SECONDS)

        def serve() -> None:
            for _ in range(connections):
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                        context.wrap_socket(connection, server_side=True).close()
                    else:
                        connection.recv(65_536)
                        connection.sendall(
                            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
                        )

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()
