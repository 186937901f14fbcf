"""Files in container fields, streamed: a whole file or an error, never a part that looks like the whole.

The server answers the address of a file with a redirect to the same address and a cookie; only with that cookie
does it give the bytes. The address lives no longer than the session that read it.
"""

from __future__ import annotations

import contextlib
import email.message
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import urljoin

import requests

from nexus_import.errors import ConfigurationError, FileMakerRequestError, FileMakerUnavailable
from nexus_import.filemaker.answers import PASSING_HTTP_STATUSES
from nexus_import.filemaker.exchange import Exchange
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.reading import RecordReader
from nexus_import.filemaker.sessions import Session, SessionPool
from nexus_import.filemaker.transport import Transport, bearer

CHUNK_BYTES = 262_144
MAX_REDIRECTS = 3
GONE_HTTP_STATUSES = frozenset({401, 404})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was written whole; `file_name` may name a patient and is left out of `repr`.

    `content_type` and `file_name` are the server's, "" when it does not tell.
    """

    size_bytes: int
    sha256: str
    content_type: str
    file_name: str = field(repr=False)


class FileGoneError(FileMakerRequestError):
    """The address of a file is no longer valid: its session ended, or the file was replaced."""


class Containers:
    """Downloads files, each with cookies of its own; usable by several threads, each with its own file object."""

    def __init__(self, transport: Transport, exchange: Exchange, pool: SessionPool, reader: RecordReader) -> None:
        self._transport = transport
        self._exchange = exchange
        self._pool = pool
        self._reader = reader

    def download(self, url: str, file: BinaryIO) -> Download:
        """Write the file at an address, as a container field holds it, to `file`; raises FileGoneError when expired."""
        self._check_address(url, "the container field")
        with _rewound_on_failure(file) as start, self._exchange.hold() as session:
            return self._exchange.retried(self._write, url, file, start, session, "GET file of a container field")

    def download_container(self, layout: str, record_id: str, field_name: str, file: BinaryIO) -> Download:
        """Write the file of a record's container field to `file`; an address that expired is read anew, once."""
        where = f"GET file in '{field_name}' of record {record_id} on {layout}"
        with _rewound_on_failure(file) as start, self._exchange.hold() as session:
            url = self._read_address(layout, record_id, field_name, session)
            try:
                return self._exchange.retried(self._write, url, file, start, session, where)
            except FileGoneError as error:
                _log.info("%s: HTTP %d, reading its address again", where, error.http_status)
            url = self._read_address(layout, record_id, field_name, session)
            return self._exchange.retried(self._write, url, file, start, session, where)

    def _read_address(self, layout: str, record_id: str, field_name: str, session: Session) -> str:
        record = self._reader.record(layout, record_id, session=session)
        place = f"field '{field_name}' of record {record_id} on layout {layout}"
        if field_name not in record.fields:
            raise FileMakerRequestError(f"There is no {place}. Name a container field that is on the layout.")
        value = record.fields[field_name]
        if value == "":
            raise FileMakerRequestError(f"The {place} holds no file.")
        if not isinstance(value, str):
            raise FileMakerRequestError(f"The {place} is no container field: it holds a number.")
        self._check_address(value, f"the {place}")
        return value

    def _check_address(self, url: str, place: str) -> None:
        if not self._transport.is_own(url):
            raise FileMakerRequestError(
                f"What {place} holds is not an address on {self._transport.address}, so it was not fetched: the session"
                " token is sent to that server only. Check that the field is a container, and that the connection's"
                " host is the name the server gives itself."
            )

    def _write(self, url: str, file: BinaryIO, start: int, session: Session, where: str) -> Download:
        """Write the bytes from `start` on, once; raises FileMakerUnavailable when a further attempt may succeed."""
        file.seek(start)
        file.truncate()
        with self._transport.new_http() as http:
            http.headers["Accept"] = "*/*"
            http.headers["Accept-Encoding"] = "identity"  # the length that is told is then that of the file
            with self._follow(http, url, session, where) as reply:
                return self._copy(reply, file, where)

    def _follow(self, http: requests.Session, url: str, session: Session, where: str) -> requests.Response:
        """Return the answer that holds the bytes, after the redirects that hand out the cookie."""
        auth = bearer(self._pool.log_in(session))
        for _ in range(1 + MAX_REDIRECTS):
            reply = self._transport.request(http, "GET", url, where=where, auth=auth, stream=True)
            if not reply.is_redirect:
                self._check_status(reply, where)
                return reply
            url = urljoin(url, reply.headers["Location"])
            reply.close()
            if not self._transport.is_own(url):
                raise FileMakerRequestError(
                    f"{self._transport.address} redirects to another server, at {where}. The session token is not sent"
                    " there, so the file was not fetched.",
                    http_status=reply.status_code,
                    where=where,
                )
        raise FileMakerUnavailable(f"The server redirected {MAX_REDIRECTS + 1} times, at {where}.", where=where)

    def _check_status(self, reply: requests.Response, where: str) -> None:
        status = reply.status_code
        if status == requests.codes.ok:
            return
        reply.close()
        if status in GONE_HTTP_STATUSES:
            raise FileGoneError(
                f"The address of the file is no longer valid (HTTP {status}), at {where}. Read the record again for a"
                " new one.",
                http_status=status,
                where=where,
            )
        kind = FileMakerUnavailable if status in PASSING_HTTP_STATUSES else FileMakerRequestError
        raise kind(
            f"FileMaker Server did not give the file (HTTP {status}), at {where}.", http_status=status, where=where
        )

    def _copy(self, reply: requests.Response, file: BinaryIO, where: str) -> Download:
        told = reply.headers.get("Content-Length")
        is_chunked = "chunked" in reply.headers.get("Transfer-Encoding", "").lower()
        if told is None and not is_chunked:
            raise FileMakerRequestError(
                f"The server does not say how long the file is, so nobody could tell whether it is whole, at {where}.",
                http_status=reply.status_code,
                where=where,
            )
        digest = hashlib.sha256()
        size = 0
        chunks = reply.iter_content(CHUNK_BYTES)
        while (chunk := self._next_chunk(chunks, told, where)) is not None:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        if told is not None and "Content-Encoding" not in reply.headers and size != int(told):
            raise _cut_off(told, where)
        _log.debug("%s: %d bytes", where, size)
        return Download(size, digest.hexdigest(), reply.headers.get("Content-Type", ""), _file_name(reply))

    def _next_chunk(self, chunks: Iterator[bytes], told: str | None, where: str) -> bytes | None:
        """Return the next bytes, None at the end; whoever writes them has its own errors, which are not ours."""
        failure: requests.RequestException
        try:
            return next(chunks, None)
        except requests.RequestException as error:
            failure = error
        explained = self._transport.explain(failure, where)
        if isinstance(explained, FileMakerTimedOutError):
            raise explained
        raise _cut_off(told, where)


@contextlib.contextmanager
def _rewound_on_failure(file: BinaryIO) -> Iterator[int]:
    """Yield where the file object stands; after any error it stands there again, with nothing behind it."""
    if not file.seekable():
        raise ConfigurationError("A download needs a file object that can be rewound, for a second attempt.")
    start = file.tell()
    try:
        yield start
    except BaseException:
        with contextlib.suppress(OSError, ValueError):  # it is full or closed: the first error is the one to tell
            file.seek(start)
            file.truncate()
        raise


def _cut_off(told: str | None, where: str) -> FileMakerUnavailable:
    whole = f"its {told} bytes" if told else "it"
    return FileMakerUnavailable(f"The file ended before all of {whole} had come, at {where}.", where=where)


def _file_name(reply: requests.Response) -> str:
    """Return the last part of the name that the server gives the file: it must not lead to another folder."""
    header = email.message.Message()
    header["Content-Disposition"] = reply.headers.get("Content-Disposition", "")
    name = header.get_filename("")
    with contextlib.suppress(UnicodeError):
        name = name.encode("latin-1").decode()  # headers arrive as Latin-1, names are sent as UTF-8
    last = name.replace("\\", "/").rpartition("/")[2]
    return "" if last in (".", "..") else "".join(character for character in last if character.isprintable())
