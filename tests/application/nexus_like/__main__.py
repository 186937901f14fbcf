"""Serves the application on loopback until it is stopped: `python -m tests.application.nexus_like PORT [CERT KEY]`."""

from __future__ import annotations

import os
import ssl
import sys
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no access log: addresses hold names."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.application.nexus_like.settings"
    with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), Server, Quiet) as server:
        if sys.argv[2:]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*sys.argv[2:])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
