"""The server: which request goes where, who may make it, and in what order things happen to it."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any, Final

from ..behaviour.faults import LOGIN_TARGET, Faults
from ..behaviour.variants import Variants
from ..data.accounts import CLARIS_ID
from ..errors import DataApiError, PageError
from ..sessions.credentials import read_credentials, read_data_sources
from ..sessions.hosting import Host
from ..sessions.store import Session, SessionStore
from ..wire.messages import Breakage, Request, Response, html_page, json_response
from . import metadata
from .changes import PlannedChanges
from .containers import PATH, Containers
from .endpoints import Action, Call, Endpoint, endpoint_at, read_body
from .parameters import refuse_unknown
from .rendering import View

VERSIONS: Final = ("v1", "v2", "vLatest")
TOKEN_HEADER: Final = "X-FM-Data-Access-Token"
OK_MESSAGES: Final = ({"code": "0", "message": "OK"},)

_HOST: Final = re.compile(r"[A-Za-z0-9._\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")

Answer = tuple[dict[str, Any], dict[str, str]]
"""The `response` object and extra headers."""


class DataApi:
    """Answers requests from the hosted databases, through the sessions and the faults.

    `url` is where the server listens; addresses of containers are made of it when a request has no host.
    """

    def __init__(self, host: Host, sessions: SessionStore, faults: Faults, variants: Variants) -> None:
        self.host = host
        self.sessions = sessions
        self.faults = faults
        self.variants = variants
        self.containers = Containers(sessions, faults, variants)
        self.changes = PlannedChanges(variants)
        self.engine = threading.RLock()  # the data are read and changed by one request at a time
        self.requests_by_layout: Counter[str] = Counter()
        self.requests_total = 0
        self.url = ""

    def __call__(self, request: Request) -> Response:
        """Answer one request: with FileMaker's envelope, or as a container's address unless a fault spoils it."""
        is_container = request.segments[:1] == (PATH,)
        is_login = request.method == "POST" and "sessions" in request.segments[-2:]
        with self.engine:
            self.requests_total += 1
        if spoiled := self.faults.spoiled_answer(is_login=is_login, is_container=is_container):
            return spoiled
        if is_container:
            return self.containers(request, self._base_url(request))
        response = self._enveloped(request)
        if self.faults.truncates_answer():
            return Response(response.status, response.body, breakage=Breakage.TRUNCATED)
        return response

    def _enveloped(self, request: Request) -> Response:
        may_gzip = self.variants.gzip
        try:
            content, headers = self._answer(request)
        except PageError as error:
            return html_page(error.status, error.title)
        except DataApiError as error:
            error = error.instead(self.variants.code_by_code)
            status = self.variants.status_by_code.get(error.code, error.status)
            messages = [{"code": str(error.code), "message": error.message}]
            return json_response(status, {"messages": messages, "response": {}}, may_gzip=may_gzip)
        return json_response(200, {"response": content, "messages": OK_MESSAGES}, headers, may_gzip=may_gzip)

    def _answer(self, request: Request) -> Answer:
        segments = request.segments
        if segments[:2] != ("fmi", "data") or len(segments) < 4 or segments[2] not in VERSIONS:
            raise DataApiError(1630)
        match segments[3:]:
            case ("productInfo",):
                _require(request, "GET")
                self.faults.delay(None)
                return metadata.product_info(self.variants), {}
            case ("databases",):
                _require(request, "GET")
                self.faults.delay(None)
                return {"databases": self._databases(request)}, {}
            case ("validateSession",):
                _require(request, "GET")
                answer = {} if self.variants.validate_session_is_empty else {"isSessionInUse": False}
                return self._in_session(request, None, Endpoint({}), lambda _call: answer), {}
            case ("databases", database, "sessions") | ("databases", database, "sessions", ""):
                _require(request, "POST")
                return self._open_session(request, database)
            case ("databases", database, "sessions", token):
                _require(request, "DELETE")
                self.faults.delay(None)
                self.sessions.log_out(database, token)
                return {}, {}
            case ("databases", database, *rest) if rest:
                endpoint = endpoint_at(tuple(rest))
                return self._in_session(request, database, endpoint, endpoint.action(request.method)), {}
        raise DataApiError(1630)

    def _databases(self, request: Request) -> list[dict[str, str]]:
        hosted = [data_set for data_set in self.host.data_sets if not self.host.is_closed(data_set)]
        if self.variants.database_list_is_filtered:
            credentials = read_credentials(request.headers)
            if credentials is None:
                raise DataApiError(10)
            hosted = [data_set for data_set in hosted if data_set.accounts.account_of(credentials)]
            if not hosted:
                raise DataApiError(212)
        return [{"name": data_set.database} for data_set in hosted]

    def _open_session(self, request: Request, database: str) -> Answer:
        self.faults.delay(None)
        self.faults.raise_scripted(LOGIN_TARGET)
        body = read_body(request)
        refuse_unknown(body, {"fmDataSource"})
        sources = read_data_sources(body.get("fmDataSource", []))
        session = self.sessions.log_in(database, request.headers, sources)
        is_claris_id = session.credentials.kind == CLARIS_ID
        variants = self.variants
        has_token = variants.fmid_login_body_has_token if is_claris_id else variants.login_body_has_token
        return {"token": session.token} if has_token else {}, {TOKEN_HEADER: session.token}

    def _in_session(self, request: Request, database: str | None, endpoint: Endpoint, action: Action) -> dict[str, Any]:
        """Run an action in its session: after the requests of the same token that came before it."""
        if endpoint.is_data and self.faults.kills_tokens():
            self.sessions.kill_all()
        session = self.sessions.session_of(request.headers, database)
        with self.sessions.running(session):
            try:
                self.faults.delay(endpoint.layout if endpoint.is_data else None)
                self._require_alive(session)
                self.faults.raise_scripted(endpoint.layout)
                if endpoint.is_data and self.faults.switches.data_cap:
                    raise DataApiError(953)
                return self._act(request, session, endpoint, action)
            finally:
                self._require_alive(session)

    def _act(self, request: Request, session: Session, endpoint: Endpoint, action: Action) -> dict[str, Any]:
        base_url = self._base_url(request)
        view = View(
            self.host.named(session.database),
            request.segments[2],
            self.variants,
            lambda place, file: self.containers.url(base_url, session, place, file),
        )
        with self.engine:
            try:
                content = action(Call(request, session, view, self.host, self.faults))
            finally:
                if endpoint.layout is not None and endpoint.is_data:
                    self.requests_by_layout[endpoint.layout] += 1
                    self.changes.after_request(endpoint.layout, view.data_set)
        self.faults.charge_records(len(content.get("data", ())))
        return content

    def _require_alive(self, session: Session) -> None:
        """Raise DataApiError 112, or 952, when the session was closed while its request waited or ran."""
        if not session.is_open:
            raise DataApiError(self.variants.killed_session_code)

    def _base_url(self, request: Request) -> str:
        """Return the address by which the client reached this server."""
        scheme, _, _ = self.url.partition("://")
        host = request.headers.get("host", "")
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else self.url


def _require(request: Request, method: str) -> None:
    if request.method != method:
        raise DataApiError(1704)
