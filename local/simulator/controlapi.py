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

from typing import Any

from .api.changes import ChangeError
from .behaviour.faults import FaultError
from .control import Control, expect_number
from .errors import DataApiError
from .wire import jsontext
from .wire.messages import Request, Response, json_response


class ControlApi:
    """The control object over HTTP; errors answer 400 with `{"error": ...}`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __call__(self, request: Request) -> Response:
        """Answer one control request."""
        try:
            content = jsontext.loads(request.body or b"{}")
            return json_response(200, self._answer(request, content))
        except LookupError:
            return json_response(404, {"error": "no such control call; see local/simulator/controlapi.py"})
        except (FaultError, ChangeError, DataApiError, ValueError, TypeError, AttributeError) as error:
            return json_response(400, {"error": str(error)})

    def _answer(self, request: Request, content: Any) -> dict[str, Any]:
        control = self._control
        match (request.method, *request.segments):
            case ("GET", "state"):
                return control.state()
            case ("POST", "faults"):
                control.set_faults(**content)
            case ("DELETE", "faults"):
                control.clear_faults()
            case ("POST", "kill_tokens"):
                return {"killed": control.kill_tokens()}
            case ("POST", "expire_container_urls"):
                return {"expired": control.expire_container_urls()}
            case ("POST", "advance_clock"):
                control.advance_clock(expect_number("seconds", content.get("seconds")))
            case ("POST", "release"):
                control.release(content.get("layout"))
            case ("POST", "between_pages"):
                control.between_pages(content)
            case ("POST", "reset"):
                control.reset()
            case (method, "layouts", layout, "records", *rest):
                return self._write(method, layout, rest, content, dict(request.query).get("database"))
            case _:
                raise LookupError
        return {}

    def _write(self, method: str, layout: str, rest: list[str], content: Any, database: str | None) -> dict[str, Any]:
        control = self._control
        match (method, *rest):
            case ("POST",):
                fields = content.get("fieldData", {})
                return {"recordId": control.insert_record(layout, fields, database=database)}
            case ("PATCH", record_id):
                control.edit_record(layout, record_id, content.get("fieldData", {}), database=database)
            case ("DELETE", record_id):
                control.delete_record(layout, record_id, database=database)
            case _:
                raise LookupError
        return {}
