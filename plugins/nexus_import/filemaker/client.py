"""A client of the FileMaker Data API: reading only, bounded sessions, retries by FileMaker's own code."""

from __future__ import annotations

import logging
import math
from datetime import datetime
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

from nexus_import.errors import ConfigurationError
from nexus_import.filemaker.account import Account
from nexus_import.filemaker.address import is_unencrypted
from nexus_import.filemaker.containers import Containers, Download
from nexus_import.filemaker.exchange import Exchange
from nexus_import.filemaker.metadata import Metadata
from nexus_import.filemaker.queries import DateFormat
from nexus_import.filemaker.reading import RecordReader
from nexus_import.filemaker.records import FieldInfo, LayoutInfo
from nexus_import.filemaker.request import Database
from nexus_import.filemaker.sessions import SessionPool
from nexus_import.filemaker.transport import Transport

PAGE_SIZE_RECORDS = 1000
SESSIONS = 3
CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
SESSION_IDLE_SECONDS = 14 * 60.0  # the server ends a session after 15 minutes without a call
RETRY_ATTEMPTS = 7
RETRY_WAIT_SECONDS = 0.5  # doubles with each attempt

_log = logging.getLogger(__name__)


class FileMakerClient(RecordReader):
    """Reads one FileMaker database over its Data API; a context manager, usable by several threads.

    Dates come as MM/DD/YYYY (`date_format="us"`, default) or as ISO 8601 (`"iso"`), numbers as int or
    Decimal, everything else as the text it is. Errors are those of `nexus_import.errors`: FileMakerLoginError
    for the account, FileMakerRequestError for what no retry can mend, FileMakerUnavailable after all retries.
    No message, log line, `repr` or pickle holds the password, a token or a field's value.
    """

    def __init__(
        self,
        url: str,
        database: str,
        username: str,
        password: str,
        *,
        page_size: int = PAGE_SIZE_RECORDS,
        sessions: int = SESSIONS,
        ca_file: str | None = None,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
        date_format: DateFormat = "us",
        session_idle_seconds: float = SESSION_IDLE_SECONDS,
        retry_attempts: int = RETRY_ATTEMPTS,
        retry_wait_seconds: float = RETRY_WAIT_SECONDS,
    ) -> None:
        if not database or not username:
            raise ConfigurationError("The FileMaker connection needs a database (schema) and a user name (login).")
        if sessions < 1 or retry_attempts < 1:
            raise ConfigurationError("sessions and retry_attempts of the FileMaker client start at 1.")
        if not all(
            math.isfinite(seconds) and seconds > 0 for seconds in (connect_timeout_seconds, read_timeout_seconds)
        ):
            raise ConfigurationError("The connect and read time-outs of the FileMaker client are more than 0 seconds.")
        self._transport = Transport(
            url,
            ca_file=ca_file,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )
        if is_unencrypted(self._transport.address):
            _log.warning("%s is not encrypted: use https for health data", self._transport.address)
        account = Account(self._transport, database, username, password)
        self._pool = SessionPool(self._transport, account, size=sessions, idle_refresh_seconds=session_idle_seconds)
        exchange = Exchange(self._transport, self._pool, attempts=retry_attempts, first_wait_seconds=retry_wait_seconds)
        named = Database(database, username)
        super().__init__(exchange, named, Metadata(exchange, named), page_size=page_size, date_format=date_format)
        self._containers = Containers(self._transport, exchange, self._pool, self)

    def __repr__(self) -> str:
        """Name server and database, never the account's secrets."""
        return f"<FileMakerClient {self.address} database={self.database!r} open={self.open_sessions}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: sessions belong to one process."""
        raise TypeError("A FileMaker client cannot be pickled: open it in the task and process that uses it.")

    def __enter__(self) -> FileMakerClient:
        """Return the client; the first request logs in."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Log out, also when the block was left by KeyboardInterrupt or a task's time-out."""
        self.close()
        self._pool.hang_up()

    def close(self) -> None:
        """Log out every session; never raises, may be called again and from a signal handler."""
        self._pool.close()

    @property
    def address(self) -> str:
        """Scheme, host and port of the server."""
        return self._transport.address

    @property
    def database(self) -> str:
        """The name of the database."""
        return self._database.name

    @property
    def username(self) -> str:
        """The name of the account."""
        return self._database.username

    @property
    def open_sessions(self) -> int:
        """How many sessions the server holds open for this client."""
        return self._pool.open_count

    @property
    def login_count(self) -> int:
        """How many log-ins this client has asked for, those that were refused or not answered too."""
        return self._pool.account.login_count

    def product_info(self) -> dict[str, Any]:
        """Return the server's product information (name, version, date formats); needs no session."""
        request = self._database.request("GET", "productInfo")
        answer = self._exchange.send_without_session(request)
        if not answer.is_ok:
            raise self._metadata.refusal(answer, request)
        return dict(answer.response.get("productInfo") or answer.response)

    def server_time(self) -> datetime | None:
        """Return the server's clock as its HTTP answers say it, None when they do not; needs no session."""
        return self._transport.server_time()

    def databases(self) -> list[str]:
        """Return the names of the databases the account may see; needs no session."""
        request = self._database.request("GET", "databases")
        answer = self._exchange.send_without_session(request, self._pool.credentials)
        if not answer.is_ok:
            raise self._metadata.refusal(answer, request)
        return [str(database["name"]) for database in answer.response.get("databases", [])]

    def layouts(self) -> list[str]:
        """Return the names of the database's layouts, those in folders included."""
        return self._metadata.layout_names()

    def layout(self, layout: str) -> LayoutInfo:
        """Return the fields and portals of a layout; asked for once, until `forget_layouts`."""
        return self._metadata.layout(layout)

    def layout_fields(self, layout: str) -> dict[str, FieldInfo]:
        """Return the fields of a layout by name; fields inside portals are not among them."""
        return dict(self._metadata.layout(layout).fields)

    def forget_layouts(self, layout: str | None = None) -> None:
        """Drop what is known of a layout, or of all, after someone changed it in FileMaker."""
        self._metadata.forget(layout)

    def download(self, url: str, file: BinaryIO) -> Download:
        """Write the file at an address that a container field holds to `file`, from where it stands.

        `file` is open for writing bytes and can be rewound. It then holds the whole file; after an error, nothing
        more than before. Redirects are followed and the session's token sent on the Data API's own host only.
        Raises FileGoneError when the address has expired: `download_container` reads a new one.
        """
        return self._containers.download(url, file)

    def download_container(self, layout: str, record_id: str, field: str, file: BinaryIO) -> Download:
        """Write the file in a record's container field to `file`, as `download` does.

        The record is read in the same session as the file, and once more when the address has expired. A
        repetition is named as the layout does: `name(2)`. Raises FileMakerRequestError when the field is empty.
        """
        return self._containers.download_container(layout, record_id, field, file)
