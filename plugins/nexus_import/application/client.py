"""A client of the application's REST API: reads only, never without a limit, and errors without what was asked.

What is searched for is a person's name, and stands in the address of the request: no error and no log line shows
anything behind its question mark.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from urllib3.exceptions import HTTPError

from nexus_import.application.access import Access
from nexus_import.errors import ApplicationAway, ApplicationError

ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_PASSING = {502, 503, 504}
_REFUSED = {401, 403}
_QUERY = re.compile(r"(?<=\?)[^\s\"']+")
Parameters = dict[str, str] | list[tuple[str, str]]


class _WithoutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("***", record.getMessage()), ()
        record.exc_info = record.exc_text = None
        return True


_WITHOUT_QUERIES = _WithoutQueries()


class NexusApplication:
    """The application's API; every request counts towards `budget_seconds`, after which it is taken for away."""

    def __init__(self, access: Access, budget_seconds: float) -> None:
        """Keep where the application is; the time begins now."""
        self._access = access
        self._budget_seconds = budget_seconds
        self._end = time.monotonic() + budget_seconds
        self._http = requests.Session()
        # an auth object keeps requests from putting in what a .netrc file holds for the host
        self._http.auth = self._sign
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_WITHOUT_QUERIES)

    def __enter__(self) -> NexusApplication:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the JSON that the application answers with.

        Raises `ApplicationAway` when it cannot be asked at all, `ApplicationError` when it refuses this question.
        """
        problem = None
        try:
            status, body = self._read(path, parameters)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            problem = _words(error)
        # Raised here, outside the handler: the text of requests' error holds the address, and so a name.
        if problem is not None:
            raise ApplicationAway(f"Nexus at {self._access.url} {problem}, at {path}")
        self._require_good(status, path)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
        raise ApplicationError(f"{path} answers with something else than JSON")

    def pages(self, path: str, parameters: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page after page as `next` says; only its query is used, never its address."""
        asked: set[tuple[tuple[str, str], ...]] = set()
        while True:
            body = self.get(path, parameters)
            yield from _entries(body, path)
            following = body.get("next") if isinstance(body, dict) else None
            if not following:
                return
            parameters = parse_qsl(urlsplit(str(following)).query, keep_blank_values=True)
            if tuple(parameters) in asked:
                raise ApplicationError(f"{path} names a next page that was read already")
            asked.add(tuple(parameters))

    def _read(self, path: str, parameters: Parameters | None) -> tuple[int, bytes]:
        access = self._access
        with self._http.get(
            f"{access.url}{path}",
            params=parameters,
            verify=access.verify,
            timeout=(access.connect_timeout_seconds, access.read_timeout_seconds),
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = bytearray()
            # a body that comes drop by drop never meets the time-out of a single read
            for chunk in answer.iter_content(_CHUNK_BYTES):
                body += chunk
                self._require_time(path)
                if len(body) > ANSWER_LIMIT_BYTES:
                    raise ApplicationError(f"{path} answers with more than {ANSWER_LIMIT_BYTES:,} bytes")
            self._require_time(path)
            return answer.status_code, bytes(body)

    def _require_time(self, path: str) -> None:
        if time.monotonic() > self._end:
            raise ApplicationAway(
                f"Nexus at {self._access.url} did not answer all questions within {self._budget_seconds:g} s; "
                f"the last one was {path}"
            )

    def _require_good(self, status: int, path: str) -> None:
        where = f"Nexus at {self._access.url}"
        if status in _REFUSED:
            raise ApplicationAway(
                f"{where} refuses the account or token of the Airflow connection (HTTP {status}), at {path}"
            )
        if status in _PASSING:
            raise ApplicationAway(f"{where} is not running behind its server (HTTP {status}), at {path}")
        if 300 <= status < 400:
            raise ApplicationAway(
                f"{where} sends to another address or to a login page (HTTP {status}), at {path}: put the final "
                "address, and an account or token that needs no login page, into the Airflow connection"
            )
        if status != 200:
            raise ApplicationError(f"{path} answers HTTP {status}")

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._access.headers)
        return request


def _entries(body: object, path: str) -> list[dict[str, Any]]:
    entries = body.get("results") if isinstance(body, dict) else body
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ApplicationError(f"{path} answers with something else than a list")
    return entries


def _words(error: Exception) -> str:
    """Say why there was no answer, without the error's own text."""
    kinds: list[tuple[type[Exception], str]] = [
        (requests.exceptions.SSLError, "has a TLS certificate that is not trusted (see 'ca_file' of the connection)"),
        (requests.exceptions.ConnectTimeout, "could not be reached in time"),
        (requests.exceptions.Timeout, "did not answer in time"),
        (requests.exceptions.ProxyError, "is behind a proxy that failed"),
        (requests.exceptions.ConnectionError, "could not be reached, or closed the connection"),
        (ValueError, "cannot be asked: its address or a header of the Airflow connection is not valid"),
    ]
    for kind, words in kinds:
        if isinstance(error, kind):
            return words
    return f"gave no answer that could be read ({type(error).__name__})"
