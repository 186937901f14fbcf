"""The Data API: which request goes where, who may make it, and in what order things happen to it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from local.simulator import layouts, parameters, records, scripts
from local.simulator.changes import PlannedChanges
from local.simulator.dataset import DataSet, Layout
from local.simulator.errors import DataApiError
from local.simulator.faults import LOGIN_TARGET, Faults
from local.simulator.sessions import Session, SessionStore, check_login_body
from local.simulator.transport import Breakage, Request, Response, json_response

VERSIONS: Final = ("v1", "v2", "vLatest")
TOKEN_HEADER: Final = "X-FM-Data-Access-Token"
OK_MESSAGES: Final = ({"code": "0", "message": "OK"},)


@dataclass(frozen=True)
class Call:
    """A request on its way through the engine; `path` is what follows the database name."""

    request: Request
    version: str
    database: str
    path: tuple[str, ...]


Answer = tuple[dict[str, Any], dict[str, str]]
"""The `response` object and extra headers."""


class DataApi:
    """Answers requests from a data set, through the sessions and the faults."""

    def __init__(self, data_set: DataSet, sessions: SessionStore, faults: Faults) -> None:
        self.data_set = data_set
        self.sessions = sessions
        self.faults = faults
        self.changes = PlannedChanges()
        self.engine = threading.RLock()  # the data are read and changed by one request at a time
        self.requests_by_layout: Counter[str] = Counter()
        self.requests_total = 0

    def __call__(self, request: Request) -> Response:
        """Answer one request, always with FileMaker's envelope unless a fault spoils it."""
        is_login = request.method == "POST" and "sessions" in request.segments[-2:]
        with self.engine:
            self.requests_total += 1
        if spoiled := self.faults.spoiled_answer(is_login=is_login):
            return spoiled
        try:
            content, headers = self._answer(request)
            response = json_response(200, {"response": content, "messages": OK_MESSAGES}, headers)
        except DataApiError as error:
            messages = [{"code": str(error.code), "message": error.message}]
            response = json_response(error.status, {"messages": messages, "response": {}})
        if self.faults.truncates_answer():
            return Response(response.status, response.body, breakage=Breakage.TRUNCATED)
        return response

    def _answer(self, request: Request) -> Answer:
        segments = request.segments
        if segments[:2] != ("fmi", "data") or len(segments) < 4 or segments[2] not in VERSIONS:
            raise DataApiError(1630)
        version, path = segments[2], segments[3:]
        match path:
            case ("productInfo",):
                _require(request, "GET")
                self.faults.delay(None)
                return {"productInfo": dict(layouts.PRODUCT_INFO)}, {}
            case ("databases",):
                _require(request, "GET")
                self.faults.delay(None)
                return {"databases": [{"name": self.data_set.database}]}, {}
            case ("validateSession",):
                _require(request, "GET")
                return self._in_session(Call(request, version, "", ()), None, lambda: {"isSessionInUse": False})
            case ("databases", database, "sessions", *rest):
                return self._sessions_call(request, database, [part for part in rest if part])
            case ("databases", database, *rest) if rest:
                return self._database_call(Call(request, version, database, tuple(rest)))
        raise DataApiError(1630)

    def _sessions_call(self, request: Request, database: str, rest: list[str]) -> Answer:
        if not rest:
            _require(request, "POST")
            self.faults.delay(None)
            self.faults.raise_scripted(LOGIN_TARGET)
            _require_json(request)
            check_login_body(request.body)
            session = self.sessions.log_in(database, request.headers)
            return {"token": session.token}, {TOKEN_HEADER: session.token}
        _require(request, "DELETE")
        self.faults.delay(None)
        self.sessions.log_out(database, rest[0])
        return {}, {}

    def _database_call(self, call: Call) -> Answer:
        method, request = call.request.method, call.request
        match call.path:
            case ("layouts",):
                _require(request, "GET")
                return self._in_session(call, None, lambda: {"layouts": self.data_set.layout_tree})
            case ("scripts",):
                _require(request, "GET")
                return self._in_session(call, None, lambda: {"scripts": scripts.listing(self.data_set)})
            case ("globals",):
                _require(request, "PATCH")
                return self._in_session(call, None, lambda: _check_globals(_read_body(request)))
            case ("layouts", name):
                _require(request, "GET")
                return self._in_session(call, name, lambda: layouts.layout_metadata(self._layout(name)))
            case ("layouts", name, "metadata"):
                _require(request, "GET")
                return self._in_session(
                    call,
                    name,
                    lambda: {"metaData": layouts.layout_metadata(self._layout(name))["fieldMetaData"]},
                )
            case ("layouts", name, "_find"):
                _require(request, "POST")
                return self._in_session(call, name, lambda: self._find(call, name), is_data=True)
            case ("layouts", name, "script", script):
                _require(request, "GET")
                return self._in_session(call, name, lambda: self._run_script(call, name, script))
            case ("layouts", name, "records"):
                actions = {"GET": self._read_page, "POST": self._create}
                return self._in_session(call, name, lambda: _choose(actions, method)(call, name), is_data=True)
            case ("layouts", name, "records", record_id):
                by_record = {
                    "GET": self._read_record,
                    "PATCH": self._edit,
                    "POST": self._duplicate,
                    "DELETE": self._delete,
                }
                return self._in_session(
                    call, name, lambda: _choose(by_record, method)(call, name, record_id), is_data=True
                )
        raise DataApiError(1630)

    def _in_session(
        self, call: Call, layout: str | None, action: Callable[[], dict[str, Any]], *, is_data: bool = False
    ) -> Answer:
        """Run an action in its session: after the requests of the same token that came before it."""
        session = self.sessions.session_of(call.request.headers, call.database or None)
        with session.turn:
            try:
                self.faults.delay(layout if is_data else None)
                _require_alive(session)
                self.faults.raise_scripted(layout)
                if is_data and self.faults.switches.data_cap:
                    raise DataApiError(953)
                return self._act(layout, action, is_data=is_data), {}
            finally:
                self.sessions.touch(session)
                _require_alive(session)

    def _act(self, layout: str | None, action: Callable[[], dict[str, Any]], *, is_data: bool) -> dict[str, Any]:
        with self.engine:
            try:
                content = action()
            finally:
                if layout is not None and is_data:
                    self.requests_by_layout[layout] += 1
                    self.changes.after_request(layout, self.data_set)
        self.faults.charge_records(len(content.get("data", ())))
        return content

    def _layout(self, name: str) -> Layout:
        return self.data_set.layout(name)

    def _read_page(self, call: Call, name: str) -> dict[str, Any]:
        layout = self._layout(name)
        wanted = parameters.from_query(call.request.query)
        return records.read_page(self.data_set, layout, wanted, version=call.version)

    def _read_record(self, call: Call, name: str, record_id: str) -> dict[str, Any]:
        layout = self._layout(name)
        wanted = parameters.single_record(call.request.query)
        return records.read_record(self.data_set, layout, record_id, wanted, version=call.version)

    def _find(self, call: Call, name: str) -> dict[str, Any]:
        layout = self._layout(name)
        is_end_empty = self.faults.switches.find_past_end_is_empty
        body = _read_body(call.request)
        return records.find_records(self.data_set, layout, body, version=call.version, is_end_empty=is_end_empty)

    def _create(self, call: Call, name: str) -> dict[str, Any]:
        return records.create(self.data_set, self._layout(name), _read_body(call.request))

    def _edit(self, call: Call, name: str, record_id: str) -> dict[str, Any]:
        return records.edit(self.data_set, self._layout(name), record_id, _read_body(call.request))

    def _duplicate(self, call: Call, name: str, record_id: str) -> dict[str, Any]:
        del call
        return records.duplicate(self._layout(name), record_id)

    def _delete(self, call: Call, name: str, record_id: str) -> dict[str, Any]:
        del call
        return records.delete(self._layout(name), record_id)

    def _run_script(self, call: Call, name: str, script: str) -> dict[str, Any]:
        self._layout(name)
        given = dict(call.request.query)
        parameters.refuse_unknown(given, {"script.param"})
        return scripts.run(self.data_set, [("script", script, given.get("script.param", ""))])


def _choose(actions: dict[str, Callable[..., dict[str, Any]]], method: str) -> Callable[..., dict[str, Any]]:
    if method not in actions:
        raise DataApiError(1704)
    return actions[method]


def _require(request: Request, method: str) -> None:
    if request.method != method:
        raise DataApiError(1704)


def _require_alive(session: Session) -> None:
    """Raise DataApiError 112 when the session was closed while its request waited or ran."""
    if not session.is_open:
        raise DataApiError(112)


def _require_json(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if request.body and content_type.partition(";")[0].strip().lower() != "application/json":
        raise DataApiError(1705)


def _read_body(request: Request) -> dict[str, Any]:
    _require_json(request)
    try:
        content = json.loads(request.body or b"{}")
    except ValueError as error:
        raise DataApiError(1710) from error
    if not isinstance(content, dict):
        raise DataApiError(1708)
    return content


def _check_globals(body: dict[str, Any]) -> dict[str, Any]:
    """Accept global fields, whose names must be fully qualified (`table occurrence::field`)."""
    fields = body.get("globalFields")
    if fields is None:
        raise DataApiError(958)
    if not isinstance(fields, dict) or not all("::" in name for name in fields):
        raise DataApiError(102)
    return {}
