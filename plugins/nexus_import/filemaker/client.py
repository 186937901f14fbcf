"""A client of the FileMaker Data API: reading only, bounded sessions, retries by FileMaker's own code."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NoReturn
from urllib.parse import quote

from nexus_import.errors import (
    ConfigurationError,
    FileMakerError,
    FileMakerRequestError,
)
from nexus_import.filemaker.answers import (
    CODE_FIELD_MISSING,
    CODE_LAYOUT_MISSING,
    CODE_NO_MATCH,
    CODE_RECORD_MISSING,
    Answer,
    Call,
    refused,
)
from nexus_import.filemaker.exchange import Exchange, Request
from nexus_import.filemaker.records import (
    NOTHING_FOUND,
    FieldInfo,
    Page,
    Record,
    Sort,
    read_field,
    read_record,
)
from nexus_import.filemaker.sessions import SessionPool
from nexus_import.filemaker.transport import Transport, is_unencrypted

PAGE_SIZE_RECORDS = 1000
SESSIONS = 3
CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
SESSION_IDLE_SECONDS = 14 * 60.0  # the server ends a session after 15 minutes without a call
RETRY_ATTEMPTS = 7
RETRY_WAIT_SECONDS = 0.5  # doubles with each attempt

DateFormat = Literal["us", "iso"]
_DATE_FORMAT_CODES: dict[DateFormat, int] = {"us": 0, "iso": 2}

_log = logging.getLogger(__name__)


class FileMakerClient:
    """Reads one FileMaker database over its Data API; a context manager, usable by several threads.

    Dates come as MM/DD/YYYY (`date_format="us"`, default) or as ISO 8601 (`"iso"`), numbers as int or
    Decimal. Portals are never asked for. Errors are those of `nexus_import.errors`: FileMakerLoginError for
    the account, FileMakerRequestError for what no retry can mend, FileMakerUnavailable after all retries. No
    message, log line or `repr` holds the password, a token or a field's value.
    """

    def __init__(
        self,
        url: str,
        database: str,
        username: str,
        password: str,
        *,
        page_size: int = PAGE_SIZE_RECORDS,
        sessions: int = SESSIONS,
        ca_file: str | None = None,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
        date_format: DateFormat = "us",
        session_idle_seconds: float = SESSION_IDLE_SECONDS,
        retry_attempts: int = RETRY_ATTEMPTS,
        retry_wait_seconds: float = RETRY_WAIT_SECONDS,
    ) -> None:
        if not database or not username:
            raise ConfigurationError("The FileMaker connection needs a database (schema) and a user name (login).")
        if page_size < 1 or sessions < 1 or retry_attempts < 1:
            raise ConfigurationError("page_size, sessions and retry_attempts of the FileMaker client start at 1.")
        if date_format not in _DATE_FORMAT_CODES:
            raise ConfigurationError(f"date_format must be 'us' or 'iso', not '{date_format}'.")
        self.page_size = page_size
        self._database = database
        self._username = username
        self._dateformats = _DATE_FORMAT_CODES[date_format]
        self._transport = Transport(
            url,
            ca_file=ca_file,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )
        if is_unencrypted(self._transport.address):
            _log.warning("%s is not encrypted: use https for health data", self._transport.address)
        self._pool = SessionPool(
            self._transport,
            database,
            username,
            password,
            size=sessions,
            idle_refresh_seconds=session_idle_seconds,
        )
        self._exchange = Exchange(
            self._transport, self._pool, attempts=retry_attempts, first_wait_seconds=retry_wait_seconds
        )

    def __repr__(self) -> str:
        """Name server and database, never the account's secrets."""
        address = self._transport.address
        return f"<FileMakerClient {address} database={self._database!r} open={self.open_sessions}>"

    def __enter__(self) -> FileMakerClient:
        """Return the client; the first request logs in."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Log out, also when the block was left by KeyboardInterrupt or a task's time-out."""
        self.close()
        self._pool.hang_up()

    def close(self) -> None:
        """Log out every session; never raises, may be called again and from a signal handler."""
        self._pool.close()

    @property
    def open_sessions(self) -> int:
        """How many sessions the server holds open for this client."""
        return self._pool.open_count

    @property
    def login_count(self) -> int:
        """How many log-ins this client has asked for."""
        return self._pool.login_count

    def product_info(self) -> dict[str, Any]:
        """Return the server's product information (name, version, date formats); needs no session."""
        request = self._request("GET", ["productInfo"])
        answer = self._exchange.send_without_session(request)
        self._raise_unless_ok(answer, request, [])
        return dict(answer.response.get("productInfo") or answer.response)

    def databases(self) -> list[str]:
        """Return the names of the databases the account may see; needs no session."""
        request = self._request("GET", ["databases"])
        answer = self._exchange.send_without_session(request, self._pool.credentials)
        self._raise_unless_ok(answer, request, [])
        return [str(database["name"]) for database in answer.response.get("databases", [])]

    def layouts(self) -> list[str]:
        """Return the names of the database's layouts, those in folders included."""
        answer = self._ask(self._request("GET", ["databases", self._database, "layouts"]))
        return _flatten_layouts(answer.response.get("layouts", []))

    def layout_fields(self, layout: str) -> dict[str, FieldInfo]:
        """Return the fields of a layout by name; fields inside portals are not among them."""
        answer = self._ask(self._layout_request("GET", layout, []))
        fields = [read_field(item) for item in answer.response.get("fieldMetaData", [])]
        return {item.name: item for item in fields}

    def found_count(self, layout: str) -> int:
        """Return how many records the layout shows to this account."""
        return self.get_records(layout, limit=1).found_count

    def get_records(
        self,
        layout: str,
        *,
        offset: int = 1,
        limit: int | None = None,
        sort: Sequence[Sort] = (),
        is_timeout_retried: bool = True,
    ) -> Page:
        """Return `limit` records (default: the page size) from the 1-based `offset`.

        Without `sort` they come in creation order. Past the end, and on an empty layout, the page is empty.
        """
        params = {
            "_limit": str(limit or self.page_size),
            "portal": "[]",
            "dateformats": str(self._dateformats),
        }
        if offset > 1:  # on an empty table the server takes even offset 1 for an error
            params["_offset"] = str(offset)
        if sort:
            params["_sort"] = json.dumps(_sort_body(sort))
        request = self._layout_request("GET", layout, ["records"], params=params, is_timeout_retried=is_timeout_retried)
        answer = self._exchange.send(request)
        if answer.code in (CODE_RECORD_MISSING, CODE_NO_MATCH):
            return NOTHING_FOUND
        self._raise_unless_ok(answer, request, [criterion.field for criterion in sort])
        return _read_page(answer, request.call)

    def find(
        self,
        layout: str,
        query: Sequence[Mapping[str, str]],
        *,
        sort: Sequence[Sort] = (),
        offset: int = 1,
        limit: int | None = None,
        is_timeout_retried: bool = True,
    ) -> Page:
        """Return the records that match: fields of one mapping are joined by AND, the mappings by OR.

        Criteria are FileMaker's (`==text`, `>=text`, `*`, `=`); `records.escape_criterion` makes a value
        literal. No match is an empty page.
        """
        body: dict[str, Any] = {
            "query": [dict(criteria) for criteria in query],
            "limit": str(limit or self.page_size),
            "portal": [],
            "dateformats": self._dateformats,
        }
        if offset > 1:
            body["offset"] = str(offset)
        if sort:
            body["sort"] = _sort_body(sort)
        request = self._layout_request("POST", layout, ["_find"], body=body, is_timeout_retried=is_timeout_retried)
        answer = self._exchange.send(request)
        if answer.code in (CODE_RECORD_MISSING, CODE_NO_MATCH):
            return NOTHING_FOUND
        asked = [name for criteria in query for name in criteria if name != "omit"]
        self._raise_unless_ok(answer, request, [*asked, *(criterion.field for criterion in sort)])
        return _read_page(answer, request.call)

    def record(self, layout: str, record_id: str) -> Record:
        """Return one record by its record id; raises FileMakerRequestError (code 101) when it is gone."""
        request = self._layout_request(
            "GET",
            layout,
            ["records", record_id],
            params={"portal": "[]", "dateformats": str(self._dateformats)},
        )
        return _read_page(self._ask(request), request.call).records[0]

    def _request(
        self,
        method: str,
        parts: Sequence[str],
        *,
        layout: str = "",
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        is_timeout_retried: bool = True,
    ) -> Request:
        path = "".join("/" + quote(part, safe="") for part in parts)
        call = Call(f"{method} {path}", self._database, self._username, layout)
        return Request(method, path, call, params, body, is_timeout_retried)

    def _layout_request(self, method: str, layout: str, parts: Sequence[str], **options: Any) -> Request:
        return self._request(method, ["databases", self._database, "layouts", layout, *parts], layout=layout, **options)

    def _ask(self, request: Request) -> Answer:
        answer = self._exchange.send(request)
        self._raise_unless_ok(answer, request, [])
        return answer

    def _raise_unless_ok(self, answer: Answer, request: Request, asked_fields: Sequence[str]) -> None:
        if answer.is_ok:
            return
        error = refused(answer, request.call)
        if answer.code == CODE_LAYOUT_MISSING and request.call.layout:
            self._raise_with_hint(error, self._nearest_layout(request.call.layout))
        if answer.code == CODE_FIELD_MISSING and asked_fields:
            self._raise_with_hint(error, self._missing_fields(request.call.layout, asked_fields))
        raise error

    @staticmethod
    def _raise_with_hint(error: FileMakerError, hint: str) -> NoReturn:
        raise FileMakerRequestError(
            f"{error} {hint}".rstrip(), code=error.code, http_status=error.http_status, where=error.where
        )

    def _nearest_layout(self, layout: str) -> str:
        try:
            names = self.layouts()
        except FileMakerError:
            return ""
        nearest = difflib.get_close_matches(layout, names, n=1, cutoff=0.0)
        return f"The nearest of its {len(names)} layouts is '{nearest[0]}'." if nearest else "It has no layout."

    def _missing_fields(self, layout: str, asked_fields: Sequence[str]) -> str:
        try:
            names = list(self.layout_fields(layout))
        except FileMakerError:
            return ""
        missing = sorted(set(asked_fields) - set(names))
        if not missing:
            return ""
        nearest = difflib.get_close_matches(missing[0], names, n=1, cutoff=0.0)
        advice = f" (nearest to '{missing[0]}': '{nearest[0]}')" if nearest else ""
        return f"Not on the layout: {', '.join(repr(name) for name in missing)}{advice}."


def _sort_body(sort: Sequence[Sort]) -> list[dict[str, str]]:
    return [{"fieldName": criterion.field, "sortOrder": criterion.order} for criterion in sort]


def _flatten_layouts(items: Sequence[Mapping[str, Any]]) -> list[str]:
    names: list[str] = []
    for item in items:
        if item.get("isFolder"):
            names.extend(_flatten_layouts(item.get("folderLayoutNames") or []))
        else:
            names.append(str(item["name"]))
    return names


def _read_page(answer: Answer, call: Call) -> Page:
    """Return the page of an answer; raises FileMakerRequestError on another shape, as of FileMaker 17."""
    try:
        info = answer.response["dataInfo"]
        records = tuple(read_record(item) for item in answer.response["data"])
        return Page(records, int(info["foundCount"]), int(info["totalRecordCount"]))
    except (KeyError, TypeError, ValueError):
        raise FileMakerRequestError(
            f"The answer to {call.where} lacks records or counts. FileMaker Server 18 or newer is needed.",
            http_status=answer.http_status,
            where=call.where,
        ) from None
