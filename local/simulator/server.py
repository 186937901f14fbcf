"""A running simulator: the server on one port, its control on another."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .api.app import DataApi
from .behaviour.faults import Faults
from .behaviour.settings import read_setting
from .behaviour.variants import Variants
from .control import Control, read_limit
from .controlapi import ControlApi
from .data.dataset import DataSet
from .sessions.hosting import Host
from .sessions.store import DEFAULT_IDLE_TIMEOUT_SECONDS, DEFAULT_SESSION_CAP, SessionStore
from .wire.certificates import CertificateError, make_self_signed
from .wire.transport import Listener


class Simulator:
    """Serves one or more data sets until it is stopped; a context manager.

    `url` and `control_url` are the two listeners, `database`, `user` and `password` the first database with the
    account that may log in, `control` the same operations as the control listener, `ca_file` the certificate to
    trust when it was made here.
    """

    def __init__(
        self,
        data_set: DataSet,
        *others: DataSet,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        idle_timeout_seconds: float = DEFAULT_IDLE_TIMEOUT_SECONDS,
        session_cap: int = DEFAULT_SESSION_CAP,
        tls_files: tuple[Path, Path] | None = None,
        tls_self_signed: bool = False,
        variants: Mapping[str, Any] | None = None,
    ) -> None:
        self.database, self.user, self.password = data_set.database, data_set.user, data_set.password
        kind = Variants(
            **{name: read_setting(Variants, name, value, "variant") for name, value in (variants or {}).items()}
        )
        hosted = Host([data_set, *others])
        sessions = SessionStore(
            hosted,
            kind,
            idle_timeout_seconds=read_limit("idle_timeout_seconds", idle_timeout_seconds),
            session_cap=read_limit("session_cap", session_cap),
        )
        self._faults = Faults()
        api = DataApi(hosted, sessions, self._faults, kind)
        self.control = Control(api)
        self._certificate_directory: tempfile.TemporaryDirectory[str] | None = None
        self.ca_file: Path | None = None
        with contextlib.ExitStack() as on_failure:
            if tls_self_signed:
                self._certificate_directory = tempfile.TemporaryDirectory(prefix="filemaker-simulator-")
                on_failure.callback(self._certificate_directory.cleanup)
                tls_files = make_self_signed(Path(self._certificate_directory.name), host)
                self.ca_file = tls_files[0]
            self._listener = Listener(api, host, port, _tls_context(tls_files))
            on_failure.callback(self._listener.stop)
            self._control_listener = Listener(ControlApi(self.control), host, control_port)
            on_failure.pop_all()
        self.url = api.url = self._listener.url
        self.control_url = self._control_listener.url
        self.port = self._listener.port
        self.control_port = self._control_listener.port

    @classmethod
    def from_dataset(
        cls, source: Path | str | Mapping[str, Any], *others: Path | str | Mapping[str, Any], **options: Any
    ) -> Simulator:
        """Load directories, or mappings `{"database", "user", "password", "layouts"}`, and start serving.

        `layouts` is a list of layout descriptions or a mapping from layout name to description. Options are
        those of the constructor. Raises DataSetError; OSError when a port is taken.
        """
        return cls(*_read_all((source, *others)), **options).start()

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
        if self._certificate_directory is not None:
            self._certificate_directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _read_all(sources: Sequence[Path | str | Mapping[str, Any]]) -> list[DataSet]:
    return [data_set for source in sources for data_set in DataSet.read_all(source)]


def _tls_context(tls_files: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    if tls_files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(*tls_files)
    except ssl.SSLError as error:
        raise CertificateError(f"{tls_files[0]} and {tls_files[1]} are no certificate and its key (PEM)") from error
    return context
