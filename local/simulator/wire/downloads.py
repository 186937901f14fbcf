"""A file on its way to a client: opened once, handed out in pieces, at the pace and to the end it is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import sleep
from types import TracebackType
from typing import BinaryIO, Final, Self

CHUNK_BYTES: Final = 65_536
PACED_CHUNKS_PER_SECOND: Final = 20


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
