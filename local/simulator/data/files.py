"""The file in a container field."""

from __future__ import annotations

import io
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

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
