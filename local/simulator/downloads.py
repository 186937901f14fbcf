"""A file on its way to a client: opened once, handed out in pieces, at the pace and to the end it is allowed."""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import BinaryIO, Final, Self

CHUNK_BYTES: Final = 65_536
PACED_CHUNKS_PER_SECOND: Final = 20
ANY_CONTENT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True)
class File:
    """What a container holds: a name, and the bytes or where they are.

    `is_external` marks a file outside the database's main container folder, whose address differs.
    """

    name: str
    source: Path | bytes
    is_external: bool = False

    @property
    def content_type(self) -> str:
        """The media type by the name's extension."""
        return mimetypes.guess_type(self.name)[0] or ANY_CONTENT_TYPE

    def open(self) -> tuple[BinaryIO, int]:
        """Return the opened file and its size in bytes; raises OSError when it is not there."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source), len(self.source)
        opened = self.source.open("rb")
        return opened, self.source.stat().st_size


@dataclass
class Download:
    """An opened file of `size` bytes; a context manager that closes it and then calls `on_end`.

    A truncated one ends after half of its bytes; `bytes_per_second` 0 is as fast as it goes.
    """

    opened: BinaryIO
    size: int
    bytes_per_second: float = 0.0
    is_truncated: bool = False
    on_end: Callable[[], None] = field(default=lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened.close()
        self.on_end()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes; a paced download waits before each piece."""
        remaining = self.size // 2 if self.is_truncated else self.size
        size = CHUNK_BYTES
        if self.bytes_per_second > 0:
            size = max(1, min(CHUNK_BYTES, int(self.bytes_per_second / PACED_CHUNKS_PER_SECOND)))
        while remaining > 0:
            if self.bytes_per_second > 0:
                sleep(min(size, remaining) / self.bytes_per_second)
            chunk = self.opened.read(min(size, remaining))
            if not chunk:
                return
            remaining -= len(chunk)
            yield chunk
