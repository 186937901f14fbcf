"""What stands in the reports that are no plain text."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile


def text_of(key: str, body: bytes) -> str:
    """Return all text of an object, of an Excel file what its parts hold."""
    if not key.endswith(".xlsx"):
        return body.decode()
    with ZipFile(BytesIO(body)) as parts:
        return "\n".join(parts.read(name).decode() for name in parts.namelist())
