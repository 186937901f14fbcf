"""What goes wrong with the requests of a running simulator, by its switches."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from time import sleep
from typing import Any, Final

from ..errors import DataApiError
from ..wire.messages import Breakage, Response, html_page
from .settings import SettingError, read_setting
from .switches import ANY_TARGET, LOGIN_TARGET, ScriptedError, Switches

__all__ = ["LOGIN_TARGET", "FaultError", "Faults", "ScriptedError", "Switches"]

FaultError = SettingError
"""The description of a fault cannot be used; the message names the key and what it may hold."""

_TITLES: Final = {404: "Not Found", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Faults:
    """The switches, and the requests that wait because of them."""

    def __init__(self) -> None:
        self.switches = Switches()
        self._waiting: dict[str, int] = {}
        self._changed = threading.Condition()
        self._engine = threading.Lock()
        self._downloads_open = 0
        self._downloads_since_502 = 0

    @staticmethod
    def read(wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values to keep for faults as a client names them; raises FaultError."""
        return {name: read_setting(Switches, name, value, "fault") for name, value in wanted.items()}

    def set(self, read: Mapping[str, Any]) -> None:
        """Switch faults on or change them, by what `read` returned; those not named stay."""
        with self._changed:
            for name, value in read.items():
                held = self.switches.hold if name == "hold" else {}
                setattr(self.switches, name, {**held, **value} if name == "hold" else value)
            self._changed.notify_all()

    def clear(self) -> None:
        """Switch every fault off and let waiting requests go on."""
        with self._changed:
            self.switches = Switches()
            self._downloads_since_502 = 0
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

    def spoiled_answer(self, *, is_login: bool = False, is_container: bool = False) -> Response | None:
        """Return what a proxy or a dead engine answers instead of the server, if one is switched on."""
        with self._changed:
            if self._count_down("dropped_requests"):
                return Response(0, breakage=Breakage.CLOSED)
            if self._count_down("unavailable_requests"):
                return html_page(self.switches.unavailable_status, _TITLES[self.switches.unavailable_status])
            if not is_login and not is_container and self._count_down("html_401_requests"):
                return html_page(401, "Unauthorized")
            return None

    def truncates_answer(self) -> bool:
        """Say whether the body of this answer is to be cut."""
        with self._changed:
            return self._count_down("truncated_responses")

    def truncates_download(self) -> bool:
        """Say whether this container file is to be cut."""
        with self._changed:
            return self._count_down("truncated_downloads")

    def kills_tokens(self) -> bool:
        """Count one request for data; True when every session is to die before it."""
        with self._changed:
            remaining = self.switches.kill_tokens_after
            if remaining is None:
                return False
            self.switches.kill_tokens_after = remaining - 1 if remaining else None
            return not remaining

    def begin_download(self) -> Response | None:
        """Count one container file; return the 502 it gets instead, which needs no `end_download`."""
        with self._changed:
            switches = self.switches
            if switches.download_502_every and self._downloads_since_502 >= switches.download_502_every:
                self._downloads_since_502 = 0
                return html_page(502, _TITLES[502])
            if switches.downloads_at_once and self._downloads_open >= switches.downloads_at_once:
                return html_page(502, _TITLES[502])
            self._downloads_since_502 += 1
            self._downloads_open += 1
            return None

    def end_download(self) -> None:
        """Count a container file as done."""
        with self._changed:
            self._downloads_open -= 1

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
