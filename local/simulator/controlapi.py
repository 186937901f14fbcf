"""The control of a simulator for other processes, as a small JSON API.

GET    /state                               sessions, logins, requests and records by layout, faults, variants
POST   /faults  {"latency_ms": 200, ...}    switch faults on, choose variants; `session_cap` and the other limits,
DELETE /faults                              `kill_tokens`, `between_pages` are taken here too
POST   /kill_tokens                         answers {"killed": 3}
POST   /expire_container_urls               answers {"expired": 12}
POST   /advance_clock {"seconds": 901}      sessions grow older without waiting
POST   /release {"layout": "L"} or {}       let held requests go on
POST   /layouts/{layout}/records            {"fieldData": {...}} inserts, answers {"recordId": "7"}
PATCH  /layouts/{layout}/records/{id}       {"fieldData": {...}}
DELETE /layouts/{layout}/records/{id}       these three take ?database=NAME when several are hosted
POST   /between_pages [{"after_requests": 2, "layout": "L", "operation": "delete", "record_id": "9"}]
POST   /reset                               data as loaded, faults off, sessions closed, counters at zero
"""

from __future__ import annotations

from typing import Any, Final

from .api.changes import ChangeError
from .behaviour.faults import FaultError
from .control import Control, read_seconds
from .errors import DataApiError
from .wire import jsontext
from .wire.messages import Request, Response, json_response

CALLS: Final = (
    "GET /state",
    "POST and DELETE /faults",
    "POST /kill_tokens, /expire_container_urls, /advance_clock, /release, /between_pages, /reset",
    "POST /layouts/{layout}/records",
    "PATCH and DELETE /layouts/{layout}/records/{recordId}",
)


class _NoSuchCallError(Exception):
    """The control has nothing at this address, or not with this verb."""


class ControlApi:
    """The control object over HTTP; errors answer 400 with `{"error": ...}`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __call__(self, request: Request) -> Response:
        """Answer one control request."""
        try:
            return json_response(200, self._answer(request, _content(request)))
        except _NoSuchCallError:
            return json_response(404, {"error": f"no such call; there are: {', '.join(CALLS)}"})
        except (FaultError, ChangeError) as error:
            return json_response(400, {"error": str(error)})
        except DataApiError as error:
            return json_response(400, {"error": f"{'/'.join(request.segments)}: {error.message} ({error.code})"})

    def _answer(self, request: Request, content: Any) -> dict[str, Any]:
        control = self._control
        match (request.method, *request.segments):
            case ("GET", "state"):
                return control.state()
            case ("POST", "faults"):
                control.set_faults(**_object(content))
            case ("DELETE", "faults"):
                control.clear_faults()
            case ("POST", "kill_tokens"):
                return {"killed": control.kill_tokens()}
            case ("POST", "expire_container_urls"):
                return {"expired": control.expire_container_urls()}
            case ("POST", "advance_clock"):
                control.advance_clock(read_seconds("seconds", _object(content).get("seconds")))
            case ("POST", "release"):
                control.release(_object(content).get("layout"))
            case ("POST", "between_pages"):
                control.between_pages(content)
            case ("POST", "reset"):
                control.reset()
            case (method, "layouts", layout, "records", *rest):
                return self._write(method, layout, rest, content, dict(request.query).get("database"))
            case _:
                raise _NoSuchCallError
        return {}

    def _write(self, method: str, layout: str, rest: list[str], content: Any, database: str | None) -> dict[str, Any]:
        control = self._control
        match (method, *rest):
            case ("POST",):
                return {"recordId": control.insert_record(layout, _fields(content), database=database)}
            case ("PATCH", record_id):
                control.edit_record(layout, record_id, _fields(content), database=database)
            case ("DELETE", record_id):
                control.delete_record(layout, record_id, database=database)
            case _:
                raise _NoSuchCallError
        return {}


def _content(request: Request) -> Any:
    try:
        return jsontext.loads(request.body or b"{}")
    except ValueError as error:
        raise FaultError(f"the body is not JSON: {error}") from error


def _object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise FaultError("the body takes a JSON object")
    return content


def _fields(content: Any) -> dict[str, Any]:
    fields = _object(content).get("fieldData", {})
    if not isinstance(fields, dict):
        raise FaultError("'fieldData' takes an object of values by field")
    return fields
