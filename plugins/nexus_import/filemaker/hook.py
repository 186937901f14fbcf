"""The Airflow hook of the connection type `filemaker`."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from airflow.sdk import BaseHook

from nexus_import.errors import ConfigurationError, NexusImportError
from nexus_import.filemaker.client import PAGE_SIZE_RECORDS, SESSIONS, FileMakerClient

_log = logging.getLogger(__name__)


class FileMakerHook(BaseHook):
    """Opens a client for an Airflow connection of type `filemaker`.

    The connection's host is the server's address (https when it names no scheme), schema the database, login
    and password the account; extra may hold `page_size` (records), `sessions` (at once) and `ca_file` (PEM).
    """

    conn_name_attr = "filemaker_conn_id"
    default_conn_name = "filemaker_default"
    conn_type = "filemaker"
    hook_name = "FileMaker Data API"

    def __init__(self, filemaker_conn_id: str = default_conn_name, **client_options: Any) -> None:
        """Keep the connection's id; `client_options` go to FileMakerClient and win over the connection."""
        super().__init__()
        self.filemaker_conn_id = filemaker_conn_id
        self._client_options = client_options

    def get_conn(self) -> FileMakerClient:
        """Return a client that logs in when first used; use it as a context manager, so that it logs out."""
        connection = self.get_connection(self.filemaker_conn_id)
        if not connection.host:
            raise ConfigurationError(
                f"The Airflow connection '{self.filemaker_conn_id}' has no host: put the address of FileMaker"
                " Server there, such as https://filemaker.example.com."
            )
        extra = connection.extra_dejson
        options: dict[str, Any] = {
            "page_size": self._whole_number(extra, "page_size", PAGE_SIZE_RECORDS),
            "sessions": self._whole_number(extra, "sessions", SESSIONS),
            "ca_file": extra.get("ca_file") or None,
        }
        return FileMakerClient(
            _with_scheme_and_port(connection.host, connection.port),
            connection.schema or "",
            connection.login or "",
            connection.password or "",
            **(options | self._client_options),
        )

    @contextmanager
    def open_client(self) -> Iterator[FileMakerClient]:
        """Open a client for a task: sessions are released on success, failure, time-out and SIGTERM.

        Airflow stops a task by SIGTERM, and a task of a Python function has no `on_kill` of its own.
        """
        with self.get_conn() as client, _released_on_sigterm(client):
            yield client

    def test_connection(self) -> tuple[bool, str]:
        """Log in and count the layouts; return whether that worked and a sentence for the connection form."""
        try:
            with self.get_conn() as client:
                product = client.product_info()
                layout_count = len(client.layouts())
                name, version = product.get("name", "FileMaker"), product.get("version", "")
        except NexusImportError as error:
            return False, str(error)
        return True, f"Logged in to {name} {version}".rstrip() + f"; the database has {layout_count} layouts."

    def _whole_number(self, extra: dict[str, Any], name: str, default: int) -> int:
        value = extra.get(name)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise ConfigurationError(
                f"The extra '{name}' of the Airflow connection '{self.filemaker_conn_id}' must be a whole number."
            ) from None


def _with_scheme_and_port(host: str, port: int | None) -> str:
    address = host if "://" in host else f"https://{host}"
    return f"{address.rstrip('/')}:{port}" if port else address


@contextmanager
def _released_on_sigterm(client: FileMakerClient) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler; the context manager and atexit remain
        return
    earlier = signal.getsignal(signal.SIGTERM)

    def release(signal_number: int, frame: FrameType | None) -> None:
        _log.info("stopped by SIGTERM: logging out of FileMaker")
        client.close()
        if callable(earlier):
            earlier(signal_number, frame)
        elif earlier is not signal.SIG_IGN:
            raise SystemExit(128 + signal_number)

    signal.signal(signal.SIGTERM, release)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier or signal.SIG_DFL)
