"""The bytes of the clinic's files: a few tiny, valid images and PDF files, chosen by the object's key."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

VARIANTS = 4  # different bodies per content type
IMAGE_SIDE_PIXELS = 16
CONTENT_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".pdf": "application/pdf"}


@dataclass(frozen=True, slots=True)
class ObjectBody:
    """One object to be put into storage."""

    key: str
    body: bytes
    content_type: str


def content_type_of(key: str) -> str:
    """Return the content type of a key by its extension; KeyError for one the clinic does not use."""
    return CONTENT_TYPES[key[key.rindex(".") :]]


def body_of(key: str) -> bytes:
    """Return the body of an object; equal keys have equal bodies."""
    return _body(content_type_of(key), zlib.crc32(key.encode()) % VARIANTS)


def size_bytes(key: str) -> int:
    """Return the size of an object in bytes."""
    return len(body_of(key))


def iter_objects(directory: Path) -> Iterator[ObjectBody]:
    """Yield every object that the storage of the clinic in `directory` holds, in the order they were made."""
    with (directory / "objects.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield ObjectBody(entry["key"], body_of(entry["key"]), entry["content_type"])


@cache
def _body(content_type: str, variant: int) -> bytes:
    if content_type == "application/pdf":
        return _pdf(variant)
    shade = 40 + 50 * variant
    image = Image.new("RGB", (IMAGE_SIDE_PIXELS, IMAGE_SIDE_PIXELS), (shade, 255 - shade, 120))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if content_type == "image/jpeg" else "PNG")
    return buffer.getvalue()


def _pdf(variant: int) -> bytes:
    """Return a one-page PDF with a right cross-reference table."""
    text = f"BT /F1 18 Tf 20 60 Td (Page {variant + 1}) Tj ET".encode()
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        font,
    )
    pdf, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(pdf))
    return pdf + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer
