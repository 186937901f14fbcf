"""What can be made to go wrong, and when."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from time import sleep
from typing import Any, Final

from local.simulator.errors import DataApiError
from local.simulator.transport import Breakage, Response

ANY_TARGET: Final = "*"
LOGIN_TARGET: Final = "login"

_UNAVAILABLE = Response(
    502,
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>",
    content_type="text/html",
)
_UNAUTHORIZED_HTML = Response(
    401,
    b"<html><head><title>401 Unauthorized</title></head><body><h1>Unauthorized</h1></body></html>",
    content_type="text/html",
)


class FaultError(Exception):
    """The description of a fault cannot be used; the message names the key and what it may hold."""


@dataclass
class ScriptedError:
    """The next `count` requests of a target answer with a FileMaker code.

    `target` is a layout name, `login` or `*` for both and everything else; `after` lets that many pass first.
    """

    code: int
    target: str = ANY_TARGET
    count: int = 1
    after: int = 0
    status: int | None = None
    message: str | None = None


@dataclass
class Switches:
    """Every fault with its quiet value; the names are those of the control API.

    Counters run down with each request they spoil. `slow_layout` holds seconds by layout; `hold` the number
    of data requests of a layout that pass before the next ones wait for a release.
    """

    latency_ms: float = 0.0
    cost_per_record_us: float = 0.0
    serial_engine: bool = False
    unavailable_requests: int = 0
    html_401_requests: int = 0
    dropped_requests: int = 0
    truncated_responses: int = 0
    data_cap: bool = False
    find_past_end_is_empty: bool = False
    slow_layout: dict[str, float] = field(default_factory=dict)
    hold: dict[str, int] = field(default_factory=dict)
    scripted_errors: list[ScriptedError] = field(default_factory=list)


class Faults:
    """The switches, and the requests that wait because of them."""

    def __init__(self) -> None:
        self.switches = Switches()
        self._waiting: dict[str, int] = {}
        self._changed = threading.Condition()
        self._engine = threading.Lock()

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Switch faults on or change them; those not named stay. Raises FaultError for an unknown name."""
        known = {item.name for item in fields(Switches)}
        if unknown := sorted(set(wanted) - known):
            raise FaultError(f"unknown fault {unknown[0]!r}; known: {', '.join(sorted(known))}")
        with self._changed:
            for name, value in wanted.items():
                setattr(self.switches, name, _read_switch(name, value, self.switches))
            self._changed.notify_all()

    def clear(self) -> None:
        """Switch every fault off and let waiting requests go on."""
        with self._changed:
            self.switches = Switches()
            self._changed.notify_all()

    def release(self, layout: str | None = None) -> None:
        """Let the held requests of one layout, or of all, go on and hold no more."""
        with self._changed:
            if layout is None:
                self.switches.hold = {}
            else:
                self.switches.hold.pop(layout, None)
            self._changed.notify_all()

    def waiting(self) -> dict[str, int]:
        """Return how many requests of each layout are held now."""
        with self._changed:
            return {layout: count for layout, count in self._waiting.items() if count}

    def wait_until_held(self, layout: str, count: int, timeout_seconds: float) -> bool:
        """Wait until that many requests of the layout are held; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting.get(layout, 0) >= count, timeout=timeout_seconds)

    def spoiled_answer(self, *, is_login: bool) -> Response | None:
        """Return what a proxy or a dead engine answers instead of the Data API, if one is switched on."""
        with self._changed:
            if self._count_down("dropped_requests"):
                return Response(0, b"", breakage=Breakage.CLOSED)
            if self._count_down("unavailable_requests"):
                return _UNAVAILABLE
            if not is_login and self._count_down("html_401_requests"):
                return _UNAUTHORIZED_HTML
            return None

    def truncates_answer(self) -> bool:
        """Say whether the body of this answer is to be cut."""
        with self._changed:
            return self._count_down("truncated_responses")

    def raise_scripted(self, target: str | None) -> None:
        """Raise the DataApiError that is scripted for a layout or the login, if any."""
        with self._changed:
            for scripted in self.switches.scripted_errors:
                if scripted.target not in (target, ANY_TARGET) or scripted.count <= 0:
                    continue
                if scripted.after > 0:
                    scripted.after -= 1
                    continue
                scripted.count -= 1
                raise DataApiError(scripted.code, scripted.message, status=scripted.status)

    def delay(self, layout: str | None) -> None:
        """Take the time a request takes before it reaches the data, and wait while its layout is held."""
        seconds = self.switches.latency_ms / 1000 + self.switches.slow_layout.get(layout or "", 0.0)
        if seconds > 0:
            sleep(seconds)
        if layout is not None:
            self._wait_while_held(layout)

    def charge_records(self, count: int) -> None:
        """Take the time the engine needs for the records of one answer."""
        seconds = count * self.switches.cost_per_record_us / 1_000_000
        if seconds <= 0:
            return
        if self.switches.serial_engine:
            with self._engine:
                sleep(seconds)
        else:
            sleep(seconds)

    def _wait_while_held(self, layout: str) -> None:
        with self._changed:
            passing = self.switches.hold.get(layout)
            if passing is None:
                return
            if passing > 0:
                self.switches.hold[layout] = passing - 1
                return
            self._waiting[layout] = self._waiting.get(layout, 0) + 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: layout not in self.switches.hold)
            self._waiting[layout] -= 1

    def _count_down(self, name: str) -> bool:
        remaining = getattr(self.switches, name)
        if remaining > 0:
            setattr(self.switches, name, remaining - 1)
        return remaining > 0


def _read_switch(name: str, value: Any, switches: Switches) -> Any:
    """Check a value against the kind of its switch; holds may also be a list of layouts."""
    current = getattr(switches, name)
    if name == "scripted_errors":
        return [_read_scripted_error(item) for item in _expect(name, value, Sequence)]
    if name == "hold":
        if isinstance(value, str):
            value = [value]
        passing = dict(value) if isinstance(value, Mapping) else dict.fromkeys(value, 0)
        return {**switches.hold, **passing}
    if isinstance(current, bool):
        return _expect(name, value, bool)
    if isinstance(current, dict):
        return dict(_expect(name, value, Mapping))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise FaultError(f"fault {name!r} takes a number that is not negative")
    return type(current)(value)


def _read_scripted_error(described: Any) -> ScriptedError:
    try:
        return ScriptedError(**described)
    except TypeError as error:
        names = ", ".join(item.name for item in fields(ScriptedError))
        raise FaultError(f"fault 'scripted_errors' takes objects with {names}; code is required") from error


def _expect(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (kind is Sequence and isinstance(value, str)):
        raise FaultError(f"fault {name!r} takes a {kind.__name__.lower()}")
    return value
