"""HTTP/1.1 for both listeners: keep-alive, gzip, entity tags, and connections that break on purpose."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import sys
import threading
import traceback
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from . import bodies
from .downloads import Download
from .messages import HTML_CONTENT_TYPE, App, Breakage, Request, Response, html_page, split_path

GZIP_LEVEL: Final = 1
GZIP_MINIMUM_BYTES: Final = 512
SHUTDOWN_POLL_SECONDS: Final = 0.02
SILENT_CLIENT_SECONDS: Final = 120.0
"""A connection on which nothing arrives for so long is closed, in the middle of a request too."""


class Listener:
    """One HTTP port served by one thread per connection; `stop` also closes idle keep-alive connections."""

    def __init__(self, app: App, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server((host, port), app, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(SHUTDOWN_POLL_SECONDS,), name="listener", daemon=True
        )
        self.port: int = self._server.server_address[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every open connection."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: App, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.tls = tls
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._connections: set[socket.socket] = set()
        self._is_closing = False
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection; a TLS handshake is made here, where a slow one blocks nobody else."""
        if self.tls is not None:
            request.settimeout(SILENT_CLIENT_SECONDS)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:  # the client does not trust the certificate, or spoke plain HTTP
                super().shutdown_request(request)
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
    timeout = SILENT_CLIENT_SECONDS
    error_content_type = HTML_CONTENT_TYPE
    error_message_format = "<html><head><title>%(code)d</title></head><body><h1>%(message)s</h1></body></html>\n"
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every verb reaches the application, which refuses those it does not have
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: paths hold session tokens and find criteria."""

    def handle_expect_100(self) -> bool:
        """Ask for the body at once: a client may wait for this before it sends any of it."""
        proceeds = super().handle_expect_100()
        self.wfile.flush()
        return proceeds

    def _answer(self) -> None:
        try:
            body = bodies.read(self.rfile, self.headers)
        except bodies.BodyError as error:  # where the next request starts is unknown
            self.close_connection = True
            self._send(html_page(error.status, error.title), accepts_gzip=False)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self._ask(body, headers), accepts_gzip="gzip" in headers.get("accept-encoding", ""))

    def _ask(self, body: bytes, headers: Mapping[str, str]) -> Response:
        segments, query = split_path(self.path)
        try:
            return self.server.app(Request(self.command, segments, query, headers, body, self.path))
        except Exception:  # a defect of the simulator: whoever tests against it must not take it for a fault
            traceback.print_exc()
            return html_page(500, "Defect of the simulator", "Its standard error says more.")

    def _send(self, response: Response, *, accepts_gzip: bool) -> None:
        if response.breakage is Breakage.CLOSED:
            self.close_connection = True
            return
        if response.download is not None:
            self._send_download(response, response.download)
            return
        body = response.body
        headers = {
            "Content-Type": response.content_type,
            "Cache-Control": "no-cache",
            "ETag": f'W/"{len(body):x}-{zlib.crc32(body):08x}"',
            "Vary": "Accept-Encoding",
            **response.headers,
        }
        if accepts_gzip and response.may_gzip and len(body) >= GZIP_MINIMUM_BYTES:
            body = gzip.compress(body, GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        self._send_head(response.status, headers, len(body))
        if response.breakage is Breakage.TRUNCATED:
            self.close_connection = True
            body = body[: len(body) // 2]
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_download(self, response: Response, download: Download) -> None:
        with download:
            self._send_head(response.status, {"Content-Type": response.content_type}, download.size)
            if download.is_truncated:
                self.close_connection = True
            if self.command != "HEAD":
                for chunk in download.chunks():
                    self.wfile.write(chunk)

    def _send_head(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
