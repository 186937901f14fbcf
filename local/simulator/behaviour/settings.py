"""Named settings of a simulator: each with its kind, its quiet value, what it may hold and one line of help."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

LARGEST_NUMBER: Final = 1_000_000_000
"""Of any setting: beyond it are only slips of the pen, and durations that no clock can wait for."""


class SettingError(Exception):
    """A setting cannot be used; the message names it and what it may hold."""


@dataclass(frozen=True)
class Kind:
    """How one setting is read: `read` returns the value to keep or raises ValueError, `takes` names its form."""

    read: Callable[[Any], Any]
    takes: str


def setting(help_text: str, kind: Kind, default: Any) -> Any:
    """Return the dataclass field of one setting with a default that never changes."""
    return field(default=default, metadata=described(help_text, kind))


def described(help_text: str, kind: Kind) -> dict[str, Any]:
    """Return the metadata of the dataclass field of a setting."""
    return {"help": help_text, "kind": kind}


def read_setting(owner: Any, name: str, value: Any, what: str) -> Any:
    """Return the value to keep for the setting of a settings object or class.

    Raises SettingError, which calls the setting a `what`, for an unknown name or a value of another kind.
    """
    known: dict[str, Field[Any]] = {item.name: item for item in fields(owner)}
    if name not in known:
        raise unknown_setting(name, known, what)
    kind: Kind = known[name].metadata["kind"]
    try:
        return kind.read(value)
    except (ValueError, TypeError, LookupError) as error:
        raise SettingError(f"{what} {name!r} takes {kind.takes}") from error


def unknown_setting(name: str, known: Iterable[str], what: str) -> SettingError:
    """Return the error for a name that no setting has: it lists all there are, those most like it first."""
    names = sorted(known)
    alike = difflib.get_close_matches(name, names, n=3)
    listed = [*alike, *(other for other in names if other not in alike)]
    return SettingError(f"unknown {what} {name!r}; known: {', '.join(listed)}")


def read_assignment(text: str) -> tuple[str, Any]:
    """Read `name=value` from a command line: the value is JSON, or text when it is not."""
    name, separator, value = text.partition("=")
    if not separator:
        raise SettingError(f"{text!r} has no value; write name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def describe(owner: type) -> list[tuple[str, Any, str, str]]:
    """Return (name, quiet value, what it takes, help) of each setting of a settings class."""
    quiet = owner()
    return [
        (item.name, getattr(quiet, item.name), item.metadata["kind"].takes, item.metadata["help"])
        for item in fields(owner)
    ]


def number(of: type[int] | type[float] = float) -> Kind:
    """Return the kind of a number that is not negative, a whole one for int."""
    if of is int:
        return Kind(_whole_number, "a whole number that is not negative")
    return Kind(lambda value: float(_number(value)), "a number that is not negative")


def number_or_none() -> Kind:
    """Return the kind of a whole number that is not negative, or null for never."""
    return Kind(
        lambda value: None if value is None else _whole_number(value),
        "a whole number that is not negative, or null for never",
    )


def yes_no() -> Kind:
    """Return the kind of a switch."""
    return Kind(_boolean, "true or false")


def text() -> Kind:
    """Return the kind of a text."""
    return Kind(_text, "a text")


def one_of(*choices: str | int) -> Kind:
    """Return the kind of a choice."""
    return Kind(lambda value: _choice(value, choices), "one of " + ", ".join(map(str, choices)))


def numbers_by_name() -> Kind:
    """Return the kind of an object from names to numbers that are not negative."""
    return Kind(
        lambda value: {_text(name): float(_number(item)) for name, item in _mapping(value).items()},
        "an object of numbers that are not negative",
    )


def statuses_by_code() -> Kind:
    """Return the kind of an object from FileMaker codes to HTTP statuses."""
    return Kind(_statuses, "an object of HTTP statuses (400 to 599) by FileMaker code")


def codes_by_code() -> Kind:
    """Return the kind of an object from FileMaker codes to others."""
    return Kind(_codes, "an object of FileMaker codes (from 1 on) by FileMaker code")


def names() -> Kind:
    """Return the kind of a list of names; a single name is a list of one."""
    return Kind(_names, "a list of names")


def names_by_name() -> Kind:
    """Return the kind of an object from names to lists of names."""
    return Kind(
        lambda value: {_text(name): _names(item) for name, item in _mapping(value).items()},
        "an object of lists of names",
    )


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError
    return value


def _whole_number(value: Any) -> int:
    if _number(value) != int(value):
        raise ValueError
    return int(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _choice(value: Any, choices: tuple[str | int, ...]) -> Any:
    if isinstance(value, bool) or value not in choices:
        raise ValueError
    return value


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


def _names(value: Any) -> list[str]:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return [_text(str(item)) for item in value]


def _statuses(value: Any) -> dict[int, int]:
    statuses = {int(code): _whole_number(status) for code, status in _mapping(value).items()}
    if not all(400 <= status <= 599 for status in statuses.values()):
        raise ValueError
    return statuses


def _codes(value: Any) -> dict[int, int]:
    codes = {int(usual): _whole_number(code) for usual, code in _mapping(value).items()}
    if not all(codes.values()):
        raise ValueError
    return codes
