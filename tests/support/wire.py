"""A way to PostgreSQL, S3 or FileMaker on which each message is seen before it is passed on.

A rule looks at the messages and names the one at which something happens: the connection is cut, an answer is cut
short or held up, a process or a server is killed. Nothing on either side knows that the way is there.

A message of PostgreSQL is one of its protocol. HTTP has none but requests and answers: theirs are counted in pieces,
the first of which begins with the first line.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from local.network import LOOPBACK

BLOCK_BYTES = 65_536
PIECE_BYTES = 16_384
HTTP_METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH")
ANSWER = b"HTTP/"
PIECE = b"+"
STARTUP = b"\0"
"""The kind of the packets that open a session of PostgreSQL: they have no letter."""
ENCRYPTION_CODES = (80877103, 80877104)
"""Asks whether the session can be encrypted, which is answered with one byte."""


@dataclass(frozen=True)
class Message:
    """One message. `kind` is PostgreSQL's letter; or the HTTP method, `ANSWER`, and `PIECE` for what follows them.

    An empty `kind` is the rest of a piece that came in parts; it does not count. `request` is the first line of the
    HTTP request that this is part of, or answers.
    """

    wire: str
    is_request: bool
    kind: bytes
    body: bytes = field(repr=False)
    request: bytes = b""


class Cut(Exception):
    """Ends the connection at this message: it is not passed on, but these bytes are, in its place."""

    def __init__(self, instead: bytes = b"") -> None:
        super().__init__()
        self.instead = instead


Action = Callable[[Message], None]
Rule = Callable[[Message], Action | None]
"""Called with every message, by several threads; the action is run when all messages before it were passed on."""
Splitter = Callable[[bytes, bool], Iterator[tuple[bytes, bytes, bytes]]]
"""Takes what came from one side, yields (kind, body, request) of each whole message."""


def cut(message: Message) -> None:
    """Cut the connection: nobody gets the message."""
    raise Cut


def cut_in_half(message: Message) -> None:
    """Cut the connection in the middle of the message."""
    raise Cut(message.body[: len(message.body) // 2])


class PostgresSplitter:
    """The messages of one session of PostgreSQL."""

    def __init__(self) -> None:
        self._rest = {True: b"", False: b""}
        self._is_open = False
        self._short_answers = 0

    def __call__(self, block: bytes, is_request: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the messages that are whole; what is left waits for the next block."""
        data = self._rest[is_request] + block
        start = 0
        while size := self._size(data, start, is_request):
            body = data[start : start + size]
            start += size
            yield self._note(body, is_request), body, b""
        self._rest[is_request] = data[start:]

    def _size(self, data: bytes, start: int, is_request: bool) -> int:
        """Return the bytes of the message that begins there, 0 when it is not whole."""
        if not is_request and self._short_answers:
            return int(len(data) > start)
        letters = 0 if is_request and not self._is_open else 1
        length = data[start + letters : start + letters + 4]
        size = letters + int.from_bytes(length) if len(length) == 4 else 0
        return size if size and len(data) >= start + size else 0

    def _note(self, body: bytes, is_request: bool) -> bytes:
        if is_request and not self._is_open:
            if int.from_bytes(body[4:8]) in ENCRYPTION_CODES:
                self._short_answers += 1
            else:
                self._is_open = True
            return STARTUP
        if not is_request and self._short_answers:
            self._short_answers -= 1
            return STARTUP
        return body[:1]


class HttpSplitter:
    """The pieces of the requests and answers of one HTTP connection; a client waits for each answer."""

    def __init__(self) -> None:
        self._request = b""
        self._passed = {True: 0, False: 0}

    def __call__(self, block: bytes, is_request: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield what came, cut where a piece of the message ends, so that pieces do not depend on the network."""
        first = block.split(b"\r\n", 1)[0]
        kind = first.split(b" ", 1)[0] if is_request else first[: len(ANSWER)]
        if kind in (HTTP_METHODS if is_request else (ANSWER,)):
            self._passed[is_request] = 0
            if is_request:
                self._request = first
        else:
            kind = PIECE
        while block:
            into_piece = self._passed[is_request] % PIECE_BYTES
            piece, block = block[: PIECE_BYTES - into_piece], block[PIECE_BYTES - into_piece :]
            self._passed[is_request] += len(piece)
            yield b"" if into_piece else kind, piece, self._request
            kind = PIECE


class Wire:
    """Listens on a port of its own and passes everything on to the target, message by message."""

    def __init__(self, name: str, port: int, splitter: Callable[[], Splitter], rule: Rule) -> None:
        self.name = name
        self._target = (LOOPBACK, port)
        self._splitter = splitter
        self._rule = rule
        self._sockets: set[socket.socket] = set()
        self._is_ended = threading.Event()
        self.errors: list[Exception] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Take connections until the end."""
        while not self._is_ended.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def end(self) -> None:
        """Cut every connection and take no more."""
        self._is_ended.set()
        # an accept that waits does not notice that its socket was closed
        with suppress(OSError):
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
        self._listener.close()
        for each in list(self._sockets):
            _shut(each)

    def _connect(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(self._target)
            except OSError:
                return
            with server:
                self._sockets |= {client, server}
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                splitter = self._splitter()
                answers = threading.Thread(target=self._pass_on, args=(server, client, splitter, False), daemon=True)
                answers.start()
                self._pass_on(client, server, splitter, True)
                answers.join()
                self._sockets -= {client, server}

    def _pass_on(self, source: socket.socket, target: socket.socket, split: Splitter, is_request: bool) -> None:
        """Pass on what one side says until it ends or is cut; then both sides see the end."""
        try:
            while block := source.recv(BLOCK_BYTES):
                self._pass_block(block, target, split, is_request)
        except (OSError, Cut):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            _shut(source)
            _shut(target)

    def _pass_block(self, block: bytes, target: socket.socket, split: Splitter, is_request: bool) -> None:
        waiting = bytearray()
        for kind, body, request in split(block, is_request):
            message = Message(self.name, is_request, kind, body, request)
            action = self._rule(message)
            if action is not None:
                target.sendall(waiting)
                waiting.clear()
                try:
                    action(message)
                except Cut as order:
                    with suppress(OSError):
                        target.sendall(order.instead)
                    raise
            waiting += body
        target.sendall(waiting)


def _shut(side: socket.socket) -> None:
    # closing alone would not end the other thread's wait for it
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)


@contextmanager
def open_wire(name: str, port: int, splitter: Callable[[], Splitter], rule: Rule) -> Iterator[Wire]:
    """Yield a way to a port of this machine."""
    wire = Wire(name, port, splitter, rule)
    thread = threading.Thread(target=wire.serve, name=f"way to {name}", daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.end()
        thread.join()
    if wire.errors:
        raise AssertionError(f"a rule of the way to {name} failed") from wire.errors[0]
