"""The control of a simulator as a Python object; `controlapi` offers the same over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final

from .api import changes, writing
from .api.app import DataApi
from .api.changes import ChangeError, PlannedChange
from .behaviour.faults import FaultError
from .behaviour.settings import Kind, number, number_or_none, read_setting, unknown_setting
from .behaviour.switches import ANY_TARGET, LOGIN_TARGET, Switches
from .behaviour.variants import Variants
from .data import filling
from .data.tables import Table
from .errors import DataSetError

HELD_TIMEOUT_SECONDS: Final = 10.0
LAYOUT_FAULTS: Final = ("hold", "slow_layout", "locked_records")
SESSION_LIMITS: Final = {
    "session_cap": number(int),
    "idle_timeout_seconds": number(),
    "bad_logins_before_lock": number_or_none(),
}
ACTIONS: Final = ("kill_tokens", "expire_container_urls", "between_pages")


class Control:
    """Looks into a running simulator and changes what it does and holds.

    `database` is, wherever it can be given, a hosted database; the first one when it is left out.
    """

    def __init__(self, api: DataApi) -> None:
        self._api = api
        self._usual_limits = {name: getattr(api.sessions, name) for name in SESSION_LIMITS}
        self._usual_variants = replace(api.variants)

    def state(self) -> dict[str, Any]:
        """Return counts of sessions, logins, requests, records and planned changes, faults and variants.

        `records` are those of the first database by layout, `other_records` those of the others by database.
        """
        api = self._api
        with api.engine:
            counts = {
                data_set.database: {name: len(item.table.records) for name, item in data_set.layouts.items()}
                for data_set in api.host.data_sets
            }
            return {
                "sessions_open": api.sessions.open_count(),
                "logins_made": api.sessions.logins_made,
                "logins_refused": api.sessions.logins_refused,
                **{name: getattr(api.sessions, name) for name in SESSION_LIMITS},
                "requests_total": api.requests_total,
                "requests": dict(api.requests_by_layout),
                "records": counts.pop(api.host.first.database),
                "other_records": counts,
                "held": api.faults.waiting(),
                "changes_pending": api.changes.pending,
                "changes_applied": api.changes.applied,
                "changes_skipped": api.changes.skipped,
                "faults": asdict(api.faults.switches),
                "variants": asdict(api.variants),
            }

    def set_faults(self, **wanted: Any) -> None:
        """Switch faults and variants (`switches.Switches`, `variants.Variants`) and change the session limits.

        Beside these: `session_cap`, `idle_timeout_seconds`, `bad_logins_before_lock`, `kill_tokens` and
        `expire_container_urls` (true: now) and `between_pages` (a list, see `between_pages`). Raises FaultError
        or ChangeError, and then changes nothing.
        """
        _check_known(wanted)
        switches = dict(wanted)
        limits = {name: read_limit(name, switches.pop(name)) for name in SESSION_LIMITS if name in switches}
        variants = {
            item.name: read_setting(Variants, item.name, switches.pop(item.name), "variant")
            for item in fields(Variants)
            if item.name in switches
        }
        planned = self._read_changes(switches.pop("between_pages", []))
        is_kill = _read_action("kill_tokens", switches.pop("kill_tokens", False))
        is_expiry = _read_action("expire_container_urls", switches.pop("expire_container_urls", False))
        read = self._api.faults.read(switches)
        self._check_names(read)
        self._set_switches(read)
        for limit, value in limits.items():
            setattr(self._api.sessions, limit, value)
        for name, value in variants.items():
            setattr(self._api.variants, name, value)
        self._plan(planned)
        if is_kill:
            self.kill_tokens()
        if is_expiry:
            self.expire_container_urls()

    def clear_faults(self) -> None:
        """Switch every fault off, put variants and session limits back as started, forget planned changes."""
        sessions = self._api.sessions
        for limit, value in self._usual_limits.items():
            setattr(sessions, limit, value)
        for item in fields(Variants):
            setattr(self._api.variants, item.name, getattr(self._usual_variants, item.name))
        sessions.forget_bad_logins()
        self._api.faults.clear()
        self._api.host.close_only([])
        with self._api.engine:
            self._api.changes.clear()

    def kill_tokens(self) -> int:
        """Close every session at once; return how many there were."""
        return self._api.sessions.kill_all()

    def expire_container_urls(self) -> int:
        """Let every address of a container file die now; return how many there were."""
        return self._api.containers.expire_all()

    def advance_clock(self, seconds: float) -> None:
        """Let sessions and container addresses grow older by some seconds without waiting for them."""
        self._api.sessions.advance_clock(seconds)

    def hold(self, layout: str, *, after_requests: int = 0) -> None:
        """Let requests for data of a layout wait, after the given number of further ones, until released."""
        self.set_faults(hold={layout: after_requests})

    def wait_until_held(self, layout: str, count: int = 1, timeout_seconds: float = HELD_TIMEOUT_SECONDS) -> bool:
        """Wait until that many requests of a layout are held; False when they did not come in time."""
        return self._api.faults.wait_until_held(layout, count, timeout_seconds)

    def release(self, layout: str | None = None) -> None:
        """Let held requests go on, of one layout or of all. Raises FaultError for a layout that nobody hosts."""
        if layout is not None:
            self._check_layout("release", layout)
        self._api.faults.release(layout)

    def insert_record(self, layout: str, fields: Mapping[str, Any], *, database: str | None = None) -> str:
        """Insert a record without a session, whatever validation says; return its record id.

        A container takes a file as the data set does. Raises DataApiError as a create does.
        """
        with self._api.engine:
            data_set = self._api.host.named(database)
            shown = data_set.layout(layout)
            read = _with_files(fields, shown.table, data_set.directory)
            return shown.table.insert(writing.check_fields(shown, read)).record_id

    def edit_record(
        self, layout: str, record_id: str, fields: Mapping[str, Any], *, database: str | None = None
    ) -> None:
        """Change a record without a session. Raises DataApiError as an edit does."""
        with self._api.engine:
            data_set = self._api.host.named(database)
            shown = data_set.layout(layout)
            read = _with_files(fields, shown.table, data_set.directory)
            shown.table.edit(shown.table.record(record_id), writing.check_fields(shown, read))

    def delete_record(self, layout: str, record_id: str, *, database: str | None = None) -> None:
        """Delete a record without a session. Raises DataApiError 105 or 101."""
        with self._api.engine:
            table = self._api.host.named(database).layout(layout).table
            table.delete(table.record(record_id), frees_id=self._api.variants.record_ids_are_reused)

    def between_pages(self, planned: Sequence[Mapping[str, Any]]) -> None:
        """Plan changes between requests; keys as `changes.PlannedChange`. Raises ChangeError."""
        self._plan(self._read_changes(planned))

    def reset(self) -> None:
        """Put the data back as loaded, switch faults off, close sessions, start counting anew."""
        self.clear_faults()
        self.kill_tokens()
        api = self._api
        with api.engine:
            for data_set in api.host.data_sets:
                data_set.reset()
            api.changes.applied = api.changes.skipped = 0
            api.sessions.logins_made = api.sessions.logins_refused = 0
            api.requests_by_layout.clear()
            api.requests_total = 0

    def _read_changes(self, planned: object) -> list[PlannedChange]:
        if isinstance(planned, (str, Mapping)) or not isinstance(planned, Sequence):
            raise ChangeError("'between_pages' takes a list of changes")
        checked = []
        with self._api.engine:
            for change in map(PlannedChange.read, planned):
                data_set = self._api.host.named(change.database)
                table = data_set.layouts[change.layout].table if change.layout in data_set.layouts else None
                read = _with_files(change.fields, table, data_set.directory) if table else change.fields
                checked.append(changes.check(replace(change, fields=read), data_set))
        return checked

    def _plan(self, planned: Sequence[PlannedChange]) -> None:
        with self._api.engine:
            for change in planned:
                self._api.changes.add(change)

    def _check_names(self, read: Mapping[str, Any]) -> None:
        """Refuse faults of layouts and databases that nobody hosts: they would spoil nothing, and nobody would know."""
        host = self._api.host
        for database in read.get("closed_databases", ()):
            host.named(database)
        for fault in LAYOUT_FAULTS:
            for layout in read.get(fault, ()):
                self._check_layout(fault, layout)
        for scripted in read.get("scripted_errors", ()):
            if scripted.target not in (LOGIN_TARGET, ANY_TARGET):
                self._check_layout("scripted_errors", scripted.target)

    def _check_layout(self, what: str, name: object) -> None:
        known = {layout for data_set in self._api.host.data_sets for layout in data_set.layouts}
        if not isinstance(name, str) or name not in known:
            raise FaultError(f"{what!r}: no hosted database has a layout {name!r}")

    def _set_switches(self, read: Mapping[str, Any]) -> None:
        api = self._api
        api.faults.set(read)
        if "closed_databases" in read:
            for data_set in api.host.close_only(read["closed_databases"]):
                api.sessions.kill_all(data_set.database)


def _check_known(wanted: Mapping[str, Any]) -> None:
    """Refuse names of nothing that can be set; the error lists all that can, not only the faults proper."""
    known = {*(item.name for item in (*fields(Switches), *fields(Variants))), *SESSION_LIMITS, *ACTIONS}
    for name in wanted:
        if name not in known:
            raise unknown_setting(name, known, "fault")


def read_limit(name: str, value: Any) -> Any:
    """Return the value to keep for a limit of sessions; raises FaultError for one that cannot be."""
    return _read(name, value, SESSION_LIMITS[name])


def read_seconds(name: str, value: Any) -> Any:
    """Return a number of seconds; raises FaultError for anything else."""
    return _read(name, value, number())


def _read(name: str, value: Any, kind: Kind) -> Any:
    try:
        return kind.read(value)
    except (ValueError, TypeError) as error:
        raise FaultError(f"{name!r} takes {kind.takes}") from error


def _read_action(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FaultError(f"{name!r} takes true or false")
    return value


def _with_files(fields: Mapping[str, Any], table: Table, directory: Path | None) -> dict[str, Any]:
    """Return the fields of a record with the files that its containers describe."""
    try:
        return {
            name: filling.read_file(value, directory, f"field {name}")
            if isinstance(value, Mapping) and table.results.get(name) == "container"
            else value
            for name, value in fields.items()
        }
    except DataSetError as error:
        raise FaultError(str(error)) from error
