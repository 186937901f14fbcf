"""Reads the body of a request from its connection: by length or in chunks, and never past its end."""

from __future__ import annotations

import re
from email.message import Message
from typing import Final, Protocol

MAXIMUM_BODY_BYTES: Final = 64 * 1024 * 1024
MAXIMUM_LINE_BYTES: Final = 4096

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class BodyError(Exception):
    """The body cannot be read; `status` and `title` are for the page that says so."""

    def __init__(self, status: int, title: str) -> None:
        self.status = status
        self.title = title
        super().__init__(f"{status} {title}")


def read(stream: _Stream, headers: Message) -> bytes:
    """Return the body that the headers announce, in bytes.

    Raises BodyError 400 when its length cannot be known, 413 when it is larger than 64 MiB; ConnectionError
    when the client stops in the middle of it.
    """
    encoding = headers.get("Transfer-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        length = headers.get("Content-Length", "0").strip()
        if not _LENGTH.fullmatch(length):
            raise BodyError(400, "Bad Request")
        return _read_exactly(stream, int(length), 0)
    if encoding != "chunked":
        raise BodyError(400, "Bad Request")
    return _read_chunks(stream)


def _read_chunks(stream: _Stream) -> bytes:
    body = bytearray()
    while True:
        size_text = _read_line(stream).partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size_text):
            raise BodyError(400, "Bad Request")
        size = int(size_text, 16)
        if size == 0:
            break
        body += _read_exactly(stream, size, len(body))
        if _read_line(stream):
            raise BodyError(400, "Bad Request")
    while _read_line(stream):  # trailers
        pass
    return bytes(body)


def _read_exactly(stream: _Stream, size: int, already: int) -> bytes:
    if already + size > MAXIMUM_BODY_BYTES:
        raise BodyError(413, "Payload Too Large")
    content = stream.read(size)
    if len(content) < size:
        raise ConnectionError("the client stopped in the middle of the body")
    return content


def _read_line(stream: _Stream) -> bytes:
    line = stream.readline(MAXIMUM_LINE_BYTES)
    if not line.endswith(b"\n"):
        if not line:
            raise ConnectionError("the client stopped in the middle of the body")
        raise BodyError(400, "Bad Request")
    return line.rstrip(b"\r\n")
