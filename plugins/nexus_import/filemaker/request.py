"""One request of the Data API, and how those of one database are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus_import.filemaker.address import join_path
from nexus_import.filemaker.answers import Call


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the Data API; path, parameters and body may hold record keys and stay out of `repr`.

    `is_timeout_retried` is False for a page: asking for the same page again would time out again, so the
    caller asks for a smaller one.
    """

    method: str
    path: str = field(repr=False)
    call: Call
    params: Mapping[str, str] | None = field(default=None, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    is_timeout_retried: bool = True


@dataclass(frozen=True, slots=True)
class Database:
    """Makes the requests of one database; every part of a path is quoted."""

    name: str
    username: str

    def request(self, method: str, *parts: str, layout: str = "", **options: Any) -> Request:
        """Return a request; `options` are those of Request. Raises ConfigurationError for an unusable part."""
        path = join_path(parts)
        return Request(method, path, Call(f"{method} {path}", self.name, self.username, layout), **options)

    def of_layout(self, method: str, layout: str, *parts: str, **options: Any) -> Request:
        """Return a request about a layout."""
        return self.request(method, "databases", self.name, "layouts", layout, *parts, layout=layout, **options)
