"""Every fault by name, with its quiet value: the vocabulary of `POST /faults` and of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from .settings import (
    Kind,
    described,
    names,
    names_by_name,
    number,
    number_or_none,
    numbers_by_name,
    one_of,
    setting,
    yes_no,
)

ANY_TARGET: Final = "*"
LOGIN_TARGET: Final = "login"


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

    def __post_init__(self) -> None:
        """Refuse what could not be answered."""
        whole = (self.code, self.count, self.after, *(() if self.status is None else (self.status,)))
        if not all(isinstance(item, int) and not isinstance(item, bool) for item in whole):
            raise TypeError
        if self.count < 1 or self.after < 0:
            raise ValueError
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError
        if not isinstance(self.target, str) or not isinstance(self.message, (str, type(None))):
            raise TypeError


def _read_scripted_errors(value: Any) -> list[ScriptedError]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError
    return [ScriptedError(**described) for described in value]


def _read_hold(value: Any) -> dict[str, int]:
    """Read the layouts to hold, with the number of requests that pass first: 0 when only names are given."""
    if isinstance(value, str):
        value = [value]
    passing = value if isinstance(value, Mapping) else dict.fromkeys(value, 0)
    return {layout: int(count) for layout, count in numbers_by_name().read(passing).items()}


_SCRIPTED_ERRORS: Final = Kind(
    _read_scripted_errors,
    f"objects with {', '.join(item.name for item in fields(ScriptedError))}; code is required",
)
_HOLD: Final = Kind(_read_hold, "a list of layouts, or an object of numbers by layout")


@dataclass
class Switches:
    """All faults; counters run down with each request they spoil, everything else stays until it is changed."""

    latency_ms: float = setting("every request that reaches the engine takes that much longer", number(), 0.0)
    slow_layout: dict[str, float] = field(
        default_factory=dict,
        metadata=described("seconds by layout: requests for its data take that much longer", numbers_by_name()),
    )
    cost_per_record_us: float = setting("every record of an answer costs so many microseconds", number(), 0.0)
    serial_engine: bool = setting("only one request at a time pays for its records", yes_no(), False)
    unavailable_requests: int = setting("so many requests answer HTML with `unavailable_status`", number(int), 0)
    unavailable_status: int = setting(
        "502 engine down, 503 Data API off, 504 proxy gave up, 404", one_of(502, 503, 504, 404), 502
    )
    html_401_requests: int = setting("so many requests answer 401 with HTML; not log-ins", number(int), 0)
    dropped_requests: int = setting("so many connections close without an answer", number(int), 0)
    truncated_responses: int = setting("so many answers end in the middle of their body", number(int), 0)
    scripted_errors: list[ScriptedError] = field(
        default_factory=list, metadata=described("codes for the next requests of a target", _SCRIPTED_ERRORS)
    )
    data_cap: bool = setting("requests for data answer 953", yes_no(), False)
    kill_tokens_after: int | None = setting(
        "every session dies before the next request for data, once so many have passed", number_or_none(), None
    )
    locked_records: dict[str, list[str]] = field(
        default_factory=dict,
        metadata=described(
            "record ids by layout that another user has open: writing them answers 301", names_by_name()
        ),
    )
    closed_databases: list[str] = field(
        default_factory=list,
        metadata=described("databases that are closed: their sessions die, log-ins answer 802", names()),
    )
    hold: dict[str, int] = field(
        default_factory=dict,
        metadata=described("requests for data of a layout wait for a release, after so many have passed", _HOLD),
    )
    truncated_downloads: int = setting("so many container files end in the middle", number(int), 0)
    download_bytes_per_second: float = setting("pace of every container file, 0 for none", number(), 0.0)
    download_502_every: int = setting("after every so many container files one request answers 502", number(int), 0)
    downloads_at_once: int = setting("more container files at the same time answer 502, 0 for any", number(int), 0)
