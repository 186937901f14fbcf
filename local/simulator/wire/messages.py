"""Requests and answers as the application sees them, whatever carries them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, unquote

from .downloads import Download

JSON_CONTENT_TYPE: Final = "application/json; charset=utf-8"
HTML_CONTENT_TYPE: Final = "text/html"

_WHOLE_ADDRESS: Final = re.compile(r"^https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One request; `segments` are the decoded parts of the path, header names are lower case.

    `target` is the path with its query as the client sent them.
    """

    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    target: str = ""


class Breakage(Enum):
    """How a connection is broken instead of answering properly."""

    NONE = "none"
    CLOSED = "closed without an answer"
    TRUNCATED = "closed in the middle of the body"


@dataclass(frozen=True)
class Response:
    """One answer; `breakage` makes the transport break it, a `download` is streamed instead of the body."""

    status: int
    body: bytes = b""
    content_type: str = JSON_CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    breakage: Breakage = Breakage.NONE
    may_gzip: bool = True
    download: Download | None = None


App = Callable[[Request], Response]


def json_response(
    status: int, content: object, headers: Mapping[str, str] | None = None, *, may_gzip: bool = True
) -> Response:
    """Encode the content as compact JSON in UTF-8; half a surrogate pair stays an escape."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode("utf-8", "backslashreplace"), headers=headers or {}, may_gzip=may_gzip)


def html_page(status: int, title: str, text: str = "") -> Response:
    """Return the page that a web server or a proxy shows instead of an answer of the Data API."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    return Response(status, page.encode(), content_type=HTML_CONTENT_TYPE)


def split_path(target: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the decoded path segments (`%2F` stays inside its segment, `+` is a plus) and the query.

    A proxy's client sends the whole address as target; its scheme and host are left out.
    """
    path, _, query = _WHOLE_ADDRESS.sub("", target).partition("?")
    segments = tuple(unquote(part) for part in path.split("/")[1:])
    return segments, tuple(parse_qsl(query, keep_blank_values=True))
