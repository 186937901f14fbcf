"""Log-ins whose answer comes when a test says so."""

from __future__ import annotations

import threading
from typing import Any

import requests
from nexus_import.filemaker.answers import Answer
from nexus_import.filemaker.client import FileMakerClient

WAIT_SECONDS = 30


class LogIn:
    """Stops a client's log-ins when the server has opened the session and the client has not read the token yet."""

    def __init__(self, client: FileMakerClient) -> None:
        self.is_made = threading.Event()
        self.may_end = threading.Event()
        self._send = client._transport.send
        client._transport.send = self._send_slowly  # type: ignore[method-assign]

    def _send_slowly(self, http: requests.Session, method: str, path: str, **options: Any) -> Answer:
        answer = self._send(http, method, path, **options)
        if method == "POST" and path.endswith("/sessions"):
            self.is_made.set()
            assert self.may_end.wait(WAIT_SECONDS)
        return answer
