"""The Airflow hook of the connection type `filemaker`."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseHook

from nexus_import.errors import ConfigurationError, NexusImportError
from nexus_import.filemaker.address import port_of
from nexus_import.filemaker.client import (
    CONNECT_TIMEOUT_SECONDS,
    PAGE_SIZE_RECORDS,
    READ_TIMEOUT_SECONDS,
    SESSIONS,
    FileMakerClient,
)
from nexus_import.filemaker.diagnosis import diagnose
from nexus_import.filemaker.release import released_on_sigterm


class FileMakerHook(BaseHook):
    """Opens a client for an Airflow connection of type `filemaker`.

    The connection's host is the server's address (https when it names no scheme), port its port (the scheme's own when
    there is none), schema the database, login and password the account. Extra may hold `page_size` (records),
    `sessions` (at once), `ca_file` (PEM), `connect_timeout` and `read_timeout` (seconds), and `layouts`, which the
    test of the connection looks at.
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
        self._clients: weakref.WeakSet[FileMakerClient] = weakref.WeakSet()

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
            "page_size": self._number(extra, "page_size", PAGE_SIZE_RECORDS, int),
            "sessions": self._number(extra, "sessions", SESSIONS, int),
            "ca_file": extra.get("ca_file") or None,
            "connect_timeout_seconds": self._number(extra, "connect_timeout", CONNECT_TIMEOUT_SECONDS, float),
            "read_timeout_seconds": self._number(extra, "read_timeout", READ_TIMEOUT_SECONDS, float),
        }
        client = FileMakerClient(
            self._address(connection.host, connection.port),
            connection.schema or "",
            connection.login or "",
            connection.password or "",
            **(options | self._client_options),
        )
        self._clients.add(client)
        return client

    @contextmanager
    def open_client(self) -> Iterator[FileMakerClient]:
        """Open a client for a task: sessions are released on success, failure, time-out and SIGTERM.

        Airflow stops a task by SIGTERM, and a task of a Python function has no `on_kill` of its own.
        """
        with self.get_conn() as client, released_on_sigterm(client.close):
            yield client

    def on_kill(self) -> None:
        """Release the sessions of every client of this hook: for the `on_kill` of an operator."""
        for client in list(self._clients):
            client.close()

    def test_connection(self) -> tuple[bool, str]:
        """Try what an import needs, once and without retries; return whether it worked and one sentence."""
        try:
            layouts = _names(self.get_connection(self.filemaker_conn_id).extra_dejson.get("layouts"))
            options = self._client_options | {"retry_attempts": 1}
            with type(self)(self.filemaker_conn_id, **options).get_conn() as client:
                return diagnose(client, layouts)
        except NexusImportError as error:
            return False, str(error)

    def _address(self, host: str, port: int | None) -> str:
        """Return the server's address with the port of the connection; a host may name the same one itself."""
        address = host if "://" in host else f"https://{host}"
        named = port_of(address)
        if port and named not in (None, port):
            raise ConfigurationError(
                f"The host of the Airflow connection '{self.filemaker_conn_id}' names port {named}, its port is {port}:"
                " take the port out of the host, or write the same one."
            )
        return f"{address.rstrip('/')}:{port}" if port and named is None else address

    def _number(self, extra: dict[str, Any], name: str, default: float, kind: type[int] | type[float]) -> float:
        value = extra.get(name)
        if value in (None, ""):
            return default
        try:
            return kind(str(value))
        except ValueError:
            wanted = "a whole number" if kind is int else "a number of seconds"
            raise ConfigurationError(
                f"The extra '{name}' of the Airflow connection '{self.filemaker_conn_id}' must be {wanted}."
            ) from None


def _names(value: object) -> list[str]:
    """Return the layouts of an extra: a list, or text with a name on each line."""
    lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(line).strip() for line in lines if str(line).strip()]
