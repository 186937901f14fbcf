"""Files that people edit: read with the line of every key, so that each mistake says file, line, key and what helps.

All mistakes of a file are found in one go: who corrects a file should not have to run it once per mistake. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nexus_import.core.nearest import nearest
from nexus_import.errors import ConfigurationError

_QUICK_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_WANTED = "must be text; put it in quotes"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong in a file: `where` names file, line and key, `what` is the rest of the sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.where}: {self.what}"


class UnreadableFile(ConfigurationError):
    """A file is missing, no text or no YAML."""

    def __init__(self, mistake: Mistake) -> None:
        """Keep the mistake, to be told with those of other files."""
        super().__init__(str(mistake))
        self.mistake = mistake


@dataclass(frozen=True)
class Places:
    """Which line each key of a file stands in, by the key with dots between its parts; `base` is what it stands on."""

    file: str
    lines: Mapping[str, int] = field(default_factory=dict)
    base: Places | None = None

    def where(self, key: str) -> str:
        """Return `patient.yaml line 12: columns.dob.type`; a key that is missing has its section's line."""
        if self.base and key not in self.lines and key in self.base.lines:
            return self.base.where(key)
        known = key
        while known not in self.lines and "." in known:
            known = known.rpartition(".")[0]
        line = self.lines.get(known)
        place = self.file if line is None else f"{self.file} line {line}"
        return f"{place}: {key}" if key else place

    def mistake(self, key: str, what: str) -> Mistake:
        """Return a mistake at a key."""
        return Mistake(self.where(key), what)


@dataclass(frozen=True)
class YamlFile:
    """The content of a file, where its keys stand, and the keys that stand in it twice."""

    content: Any
    places: Places
    repeated: tuple[Mistake, ...]

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file; raise `UnreadableFile` when it is missing, no text or no YAML."""
        try:
            content, lines, repeated = _parse(path.read_text(encoding="utf-8"))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{path.name} line {mark.line + 1}" if mark else path.name
            problem = error.problem or error.context
            mistake = Mistake(where, f"cannot be read as YAML: {problem}{_tip(str(problem))}")
            raise UnreadableFile(mistake) from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UnreadableFile(Mistake(path.name, f"cannot be read: {error}")) from None
        places = Places(path.name, lines)
        return cls(
            content,
            places,
            tuple(
                Mistake(f"{path.name} line {line}: {key}", f"stands in line {lines[key]} already: remove one of them")
                for key, line in repeated
            ),
        )

    def on_top_of(self, base: YamlFile) -> YamlFile:
        """Return the base with what this file says otherwise.

        Keys are added or replaced, also inside of others; lists are replaced whole; an empty value takes a key away.
        """
        places = replace(self.places, base=base.places)
        return YamlFile(_merged(base.content, self.content), places, (*base.repeated, *self.repeated))

    def validate(self, model: type[BaseModel]) -> tuple[Any, list[Mistake]]:
        """Return the content as the model, None when it is none, and every mistake."""
        mistakes = list(self.repeated)
        if not isinstance(self.content, dict):
            return None, [*mistakes, self.places.mistake("", "must hold keys with values, as in 'key: value'")]
        try:
            return model.model_validate(self.content), mistakes
        except ValidationError as error:
            return None, mistakes + [
                self.places.mistake(key, what) for key, what in _without_echoes(mistakes_in_words(error, model))
            ]


def require_none(mistakes: Iterable[Mistake]) -> None:
    """Raise `ConfigurationError` with every mistake, each on a line of its own, unless there is none."""
    found = list(dict.fromkeys(str(mistake) for mistake in mistakes))
    if len(found) == 1:
        raise ConfigurationError(found[0])
    if found:
        raise ConfigurationError("\n".join([f"{len(found)} mistakes, correct them all:", *found]))


def mistakes_in_words(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Return the key and the sentence of each mistake that pydantic found."""
    return [(".".join(str(part) for part in item["loc"]), _in_words(item, model)) for item in error.errors()]


def _without_echoes(mistakes: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what another mistake says already: two kinds of value are tried where one is allowed of each."""
    seen: set[str] = set()
    for key, what in mistakes:
        if key not in seen:
            yield key, what
        seen.add(key)


def _in_words(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    kind = mistake["type"]
    if kind == "extra_forbidden":
        return f"there is no such key{nearest(str(mistake['loc'][-1]), _keys(model, mistake['loc'][:-1]))}"
    if kind == "missing":
        return "is missing"
    if kind == "string_type":
        return _TEXT_WANTED if mistake["input"] is not None else "is empty; it must be text"
    if kind in ("dict_type", "model_type"):
        return "must hold keys with values, as in 'key: value'"
    if kind == "literal_error":
        expected = mistake["ctx"]["expected"]
        allowed = re.findall(r"'([^']+)'", expected) or [expected]
        return f"'{mistake['input']}' is none of {', '.join(allowed)}{nearest(str(mistake['input']), allowed)}"
    return mistake["msg"].removeprefix("Value error, ")


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are allowed at a path of the model."""
    at: Any = model
    for part in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = at.model_fields[str(part)].annotation
        elif get_origin(at) is dict:
            at = get_args(at)[1]
    if not (isinstance(at, type) and issubclass(at, BaseModel)):
        return []
    return [known.alias or name for name, known in at.model_fields.items()]


def _merged(base: Any, own: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    kept = {key: value for key, value in base.items() if key not in own}
    return kept | {key: _merged(base.get(key), value) for key, value in own.items() if value is not None}


def _parse(text: str) -> tuple[Any, dict[str, int], list[tuple[str, int]]]:
    """Return the content, the line of each key, and the keys that stand there once more with their lines.

    Every task reads these files, so they are parsed once, in C where PyYAML has it; a mistake is told in the words of
    the parser in Python, which say more.
    """
    try:
        return _parse_with(_QUICK_LOADER, text)
    except yaml.YAMLError:
        return _parse_with(yaml.SafeLoader, text)


def _parse_with(kind: Any, text: str) -> tuple[Any, dict[str, int], list[tuple[str, int]]]:
    lines: dict[str, int] = {}
    repeated: list[tuple[str, int]] = []
    loader = kind(text)
    try:
        root = loader.get_single_node()
        # before the content is made, which resolves merge keys in the nodes themselves
        _collect(root, "", lines, repeated)
        return None if root is None else loader.construct_document(root), lines, repeated
    finally:
        loader.dispose()


def _collect(node: yaml.Node | None, path: str, lines: dict[str, int], repeated: list[tuple[str, int]]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = f"{path}.{key_node.value}" if path else str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in lines:
                repeated.append((key, line))
            else:
                lines[key] = line
            _collect(value_node, key, lines, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[f"{path}.{number}"] = item.start_mark.line + 1
            _collect(item, f"{path}.{number}", lines, repeated)


def _tip(problem: str) -> str:
    if "mapping values are not allowed" in problem or "found character" in problem:
        return ". A text with a colon, an @ or a tab must stand in quotes"
    return ""
