"""The control of a simulator: in a test as a Python object, for other processes as a small JSON API.

GET    /state                               sessions, logins, requests and records by layout, faults
POST   /faults  {"latency_ms": 200, ...}    switch faults on; `session_cap`, `idle_timeout_seconds`,
DELETE /faults                              `kill_tokens`, `between_pages` are taken here too
POST   /kill_tokens                         answers {"killed": 3}
POST   /advance_clock {"seconds": 901}      sessions grow older without waiting
POST   /release {"layout": "L"} or {}       let held requests go on
POST   /layouts/{layout}/records            {"fieldData": {...}} inserts, answers {"recordId": "7"}
PATCH  /layouts/{layout}/records/{id}       {"fieldData": {...}}
DELETE /layouts/{layout}/records/{id}
POST   /between_pages [{"after_requests": 2, "layout": "L", "operation": "delete", "record_id": "9"}]
POST   /reset                               data as loaded, faults off, sessions closed, counters at zero
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from local.simulator import records
from local.simulator.app import DataApi
from local.simulator.changes import ChangeError, PlannedChange
from local.simulator.errors import DataApiError
from local.simulator.faults import FaultError
from local.simulator.transport import Request, Response, json_response

HELD_TIMEOUT_SECONDS: Final = 10.0


class Control:
    """Looks into a running simulator and changes what it does and holds."""

    def __init__(self, api: DataApi) -> None:
        self._api = api
        sessions = api.sessions
        self._usual = (sessions.idle_timeout_seconds, sessions.session_cap)

    def state(self) -> dict[str, Any]:
        """Return counts of sessions, logins, requests, records and planned changes, and the faults."""
        api = self._api
        with api.engine:
            return {
                "sessions_open": api.sessions.open_count(),
                "logins_made": api.sessions.logins_made,
                "logins_refused": api.sessions.logins_refused,
                "idle_timeout_seconds": api.sessions.idle_timeout_seconds,
                "session_cap": api.sessions.session_cap,
                "requests_total": api.requests_total,
                "requests": dict(api.requests_by_layout),
                "records": {name: len(item.table.records) for name, item in api.data_set.layouts.items()},
                "held": api.faults.waiting(),
                "changes_pending": api.changes.pending,
                "changes_applied": api.changes.applied,
                "changes_skipped": api.changes.skipped,
                "faults": asdict(api.faults.switches),
            }

    def set_faults(self, **wanted: Any) -> None:
        """Switch faults on (names and units: `faults.Switches`), and the session limits.

        Beside the switches: `session_cap`, `idle_timeout_seconds`, `bad_logins_before_lock`, `kill_tokens`
        (true: now) and `between_pages` (a list, see `between_pages`). Raises FaultError or ChangeError.
        """
        sessions = self._api.sessions
        switches = dict(wanted)
        for name in ("session_cap", "idle_timeout_seconds", "bad_logins_before_lock"):
            if name in switches:
                setattr(sessions, name, _expect_number(name, switches.pop(name)))
        planned = switches.pop("between_pages", None)
        is_kill = switches.pop("kill_tokens", False)
        self._api.faults.set(switches)
        if planned is not None:
            self.between_pages(planned)
        if is_kill:
            self.kill_tokens()

    def clear_faults(self) -> None:
        """Switch every fault off, put the session limits back, forget planned changes."""
        sessions = self._api.sessions
        sessions.idle_timeout_seconds, sessions.session_cap = self._usual
        sessions.bad_logins_before_lock = None
        sessions.bad_logins_in_a_row = 0
        self._api.faults.clear()
        with self._api.engine:
            self._api.changes.clear()

    def kill_tokens(self) -> int:
        """Close every session at once; return how many there were."""
        return self._api.sessions.kill_all()

    def advance_clock(self, seconds: float) -> None:
        """Let sessions grow older by some seconds without waiting for them."""
        self._api.sessions.advance_clock(seconds)

    def hold(self, layout: str, *, after_requests: int = 0) -> None:
        """Let requests for data of a layout wait, after the given number of further ones, until released."""
        self._api.faults.set({"hold": {layout: after_requests}})

    def wait_until_held(self, layout: str, count: int = 1, timeout_seconds: float = HELD_TIMEOUT_SECONDS) -> bool:
        """Wait until that many requests of a layout are held; False when they did not come in time."""
        return self._api.faults.wait_until_held(layout, count, timeout_seconds)

    def release(self, layout: str | None = None) -> None:
        """Let held requests go on, of one layout or of all."""
        self._api.faults.release(layout)

    def insert_record(self, layout: str, fields: Mapping[str, Any]) -> str:
        """Insert a record without a session; return its record id. Raises DataApiError as a create does."""
        with self._api.engine:
            shown = self._api.data_set.layout(layout)
            return shown.table.insert(records.check_fields(shown, fields)).record_id

    def edit_record(self, layout: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record without a session. Raises DataApiError as an edit does."""
        with self._api.engine:
            shown = self._api.data_set.layout(layout)
            shown.table.edit(shown.table.record(record_id), records.check_fields(shown, fields))

    def delete_record(self, layout: str, record_id: str) -> None:
        """Delete a record without a session. Raises DataApiError 105 or 101."""
        with self._api.engine:
            records.delete(self._api.data_set.layout(layout), record_id)

    def between_pages(self, planned: Sequence[Mapping[str, Any]]) -> None:
        """Plan changes between requests; keys as `changes.PlannedChange`. Raises ChangeError."""
        with self._api.engine:
            for described in planned:
                try:
                    change = PlannedChange(**described)
                except TypeError as error:
                    raise ChangeError(f"between_pages: {error}") from error
                self._api.changes.add(change, self._api.data_set)

    def reset(self) -> None:
        """Put the data back as loaded, switch faults off, close sessions, start counting anew."""
        self.clear_faults()
        self.kill_tokens()
        api = self._api
        with api.engine:
            api.data_set.reset()
            api.changes.applied = api.changes.skipped = 0
            api.sessions.logins_made = api.sessions.logins_refused = 0
            api.requests_by_layout.clear()
            api.requests_total = 0


def _expect_number(name: str, value: Any) -> Any:
    if value is None and name == "bad_logins_before_lock":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise FaultError(f"{name!r} takes a number that is not negative")
    return value


class ControlApi:
    """The control object over HTTP; errors answer 400 with `{"error": ...}`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __call__(self, request: Request) -> Response:
        """Answer one control request."""
        try:
            content = json.loads(request.body or b"{}")
            return json_response(200, self._answer(request.method, request.segments, content))
        except LookupError:
            return json_response(404, {"error": "no such control call; see local/simulator/control.py"})
        except (FaultError, ChangeError, DataApiError, ValueError, TypeError, AttributeError) as error:
            return json_response(400, {"error": str(error)})

    def _answer(self, method: str, path: tuple[str, ...], content: Any) -> dict[str, Any]:
        control = self._control
        match (method, *path):
            case ("GET", "state"):
                return control.state()
            case ("POST", "faults"):
                control.set_faults(**content)
            case ("DELETE", "faults"):
                control.clear_faults()
            case ("POST", "kill_tokens"):
                return {"killed": control.kill_tokens()}
            case ("POST", "advance_clock"):
                control.advance_clock(_expect_number("seconds", content.get("seconds")))
            case ("POST", "release"):
                control.release(content.get("layout"))
            case ("POST", "between_pages"):
                control.between_pages(content)
            case ("POST", "reset"):
                control.reset()
            case ("POST", "layouts", layout, "records"):
                return {"recordId": control.insert_record(layout, content.get("fieldData", {}))}
            case ("PATCH", "layouts", layout, "records", record_id):
                control.edit_record(layout, record_id, content.get("fieldData", {}))
            case ("DELETE", "layouts", layout, "records", record_id):
                control.delete_record(layout, record_id)
            case _:
                raise LookupError
        return {}
