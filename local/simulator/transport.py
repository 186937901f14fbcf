"""HTTP/1.1 for both listeners: keep-alive, gzip, entity tags, and connections that break on purpose."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

GZIP_LEVEL: Final = 1
GZIP_MINIMUM_BYTES: Final = 512
SHUTDOWN_POLL_SECONDS: Final = 0.02
JSON_CONTENT_TYPE: Final = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One request; `segments` are the decoded parts of the path, header names are lower case."""

    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


class Breakage(Enum):
    """How a connection is broken instead of answering properly."""

    NONE = "none"
    CLOSED = "closed without an answer"
    TRUNCATED = "closed in the middle of the body"


@dataclass(frozen=True)
class Response:
    """One answer; `breakage` makes the transport break it."""

    status: int
    body: bytes
    content_type: str = JSON_CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    breakage: Breakage = Breakage.NONE


App = Callable[[Request], Response]


def json_response(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    """Encode the content as compact JSON in UTF-8."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(status, body, headers=headers or {})


def split_path(raw_path: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the decoded path segments (`%2F` stays inside its segment, `+` is a plus) and the query."""
    path, _, query = raw_path.partition("?")
    segments = tuple(unquote(part) for part in path.split("/")[1:])
    return segments, tuple(parse_qsl(query, keep_blank_values=True))


class Listener:
    """One HTTP port served by one thread per connection; `stop` also closes idle keep-alive connections."""

    def __init__(self, app: App, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server((host, port), app, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(SHUTDOWN_POLL_SECONDS,), name="listener", daemon=True
        )
        self.port: int = self._server.server_address[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{host}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every open connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: App, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.tls = tls
        self._connections: set[socket.socket] = set()
        self._is_closing = False
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection; a TLS handshake is made here, where a slow one blocks nobody else."""
        if self.tls is not None:
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:  # the client does not trust the certificate, or spoke plain HTTP
                return
        with self._lock:
            self._connections.add(request)
            is_closing = self._is_closing
        if is_closing:
            self.shutdown_request(request)
        else:
            super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when the client went away; anything else is a defect of the simulator and is shown."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """Break every open connection, also those that are being set up."""
        with self._lock:
            self._is_closing = True
            remaining = list(self._connections)
        for connection in remaining:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FileMakerSimulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65_536  # headers and body leave in one packet
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every verb reaches the application, which refuses those it does not have
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: paths hold session tokens and find criteria."""

    def _answer(self) -> None:
        segments, query = split_path(self.path)
        try:
            body = self._read_body()
        except ValueError:  # a length that is no number: where the next request starts is unknown
            self.close_connection = True
            self._send(Response(400, b"", content_type="text/plain"), accepts_gzip=False)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.app(Request(self.command, segments, query, headers, body))
        self._send(response, accepts_gzip="gzip" in headers.get("accept-encoding", ""))

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, response: Response, *, accepts_gzip: bool) -> None:
        if response.breakage is Breakage.CLOSED:
            self.close_connection = True
            return
        body = response.body
        headers = {
            "Content-Type": response.content_type,
            "Cache-Control": "no-cache",
            "ETag": f'W/"{len(body):x}-{zlib.crc32(body):08x}"',
            "Vary": "Accept-Encoding",
            **response.headers,
        }
        if accepts_gzip and len(body) >= GZIP_MINIMUM_BYTES:
            body = gzip.compress(body, GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if response.breakage is Breakage.TRUNCATED:
            self.close_connection = True
            body = body[: len(body) // 2]
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
