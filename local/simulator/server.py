"""A running simulator: the Data API on one port, its control on another."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.simulator.app import DataApi
from local.simulator.control import Control, ControlApi
from local.simulator.dataset import DataSet
from local.simulator.faults import Faults
from local.simulator.sessions import (
    DEFAULT_IDLE_TIMEOUT_SECONDS,
    DEFAULT_SESSION_CAP,
    Account,
    SessionStore,
)
from local.simulator.transport import Listener


class Simulator:
    """Serves a data set until it is stopped; a context manager.

    `url` and `control_url` are the two listeners, `database`, `user` and `password` the account that may
    log in, `control` the same operations as the control listener.
    """

    def __init__(
        self,
        data_set: DataSet,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        idle_timeout_seconds: float = DEFAULT_IDLE_TIMEOUT_SECONDS,
        session_cap: int = DEFAULT_SESSION_CAP,
        tls_files: tuple[Path, Path] | None = None,
    ) -> None:
        self.database, self.user, self.password = data_set.database, data_set.user, data_set.password
        sessions = SessionStore(
            Account(self.database, self.user, self.password),
            idle_timeout_seconds=idle_timeout_seconds,
            session_cap=session_cap,
        )
        self._faults = Faults()
        api = DataApi(data_set, sessions, self._faults)
        self.control = Control(api)
        self._listener = Listener(api, host, port, _tls_context(tls_files))
        self._control_listener = Listener(ControlApi(self.control), host, control_port)
        self.url = self._listener.url
        self.control_url = self._control_listener.url
        self.port = self._listener.port
        self.control_port = self._control_listener.port

    @classmethod
    def from_dataset(cls, source: Path | str | Mapping[str, Any], **options: Any) -> Simulator:
        """Load a directory, or a mapping `{"database", "user", "password", "layouts"}`, and start serving.

        `layouts` is a list of layout descriptions or a mapping from layout name to description. Options are
        those of the constructor. Raises DataSetError; OSError when a port is taken.
        """
        return cls(DataSet.read(source), **options).start()

    def start(self) -> Self:
        """Begin to answer on both ports."""
        self._listener.start()
        self._control_listener.start()
        return self

    def stop(self) -> None:
        """Close both ports and every connection; requests that are held go on first."""
        self._faults.release()
        self._listener.stop()
        self._control_listener.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _tls_context(tls_files: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    if tls_files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files)
    return context
