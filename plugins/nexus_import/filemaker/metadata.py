"""What a database consists of: layouts, fields and portals, asked for once per client, and hints from them."""

from __future__ import annotations

import copy
import difflib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_import.errors import FileMakerError, FileMakerRequestError
from nexus_import.filemaker.answers import (
    CODE_FIELD_MISSING,
    CODE_LAYOUT_MISSING,
    CODE_PARAMETER_INVALID,
    Answer,
    refused,
)
from nexus_import.filemaker.exchange import Exchange
from nexus_import.filemaker.records import LayoutInfo, read_layout
from nexus_import.filemaker.request import Database, Request
from nexus_import.filemaker.sessions import Session

_REPETITION = re.compile(r"\(\d+\)$")


@dataclass(frozen=True, slots=True)
class Asked:
    """The names that a request held: what may be missing when FileMaker says that something is."""

    find_fields: Sequence[str] = ()
    sort_fields: Sequence[str] = ()
    portals: Sequence[str] = ()

    def fields(self) -> dict[str, str]:
        """Return where each field stood, by name."""
        return dict.fromkeys(self.sort_fields, "the sort") | dict.fromkeys(self.find_fields, "the find")


NOTHING_ASKED = Asked()


class Metadata:
    """The layouts of a database; a layout's description is kept until it is forgotten. Usable by several threads."""

    def __init__(self, exchange: Exchange, database: Database) -> None:
        self._exchange = exchange
        self._database = database
        self._layouts: dict[str, LayoutInfo] = {}
        self._lock = threading.Lock()

    def layout_names(self, session: Session | None = None) -> list[str]:
        """Return the names of the database's layouts, those in folders included; always asked anew."""
        request = self._database.request("GET", "databases", self._database.name, "layouts")
        answer = self.ask(request, session=session)
        return _flatten(answer.response.get("layouts", []))

    def layout(self, name: str, session: Session | None = None) -> LayoutInfo:
        """Return the description of a layout."""
        with self._lock:
            known = self._layouts.get(name)
        if known is None:
            known = self._read_layout(name, session)
            with self._lock:
                self._layouts[name] = known
        return known

    def forget(self, name: str | None = None) -> None:
        """Ask anew for a layout, or for all, when it is needed next."""
        with self._lock:
            if name is None:
                self._layouts.clear()
            else:
                self._layouts.pop(name, None)

    def ask(self, request: Request, asked: Asked = NOTHING_ASKED, session: Session | None = None) -> Answer:
        """Return the answer to a request; raises the error that it means, with a hint where there is one.

        `session` is one that the caller holds: the hint is looked for in it too. A caller who holds one and waited
        for another would wait for ever once every session is held by such a caller.
        """
        answer = self._exchange.send(request, session)
        if not answer.is_ok:
            raise self.refusal(answer, request, asked, session)
        return answer

    def refusal(
        self, answer: Answer, request: Request, asked: Asked = NOTHING_ASKED, session: Session | None = None
    ) -> FileMakerError:
        """Return the error of an answer, which names the missing layout's neighbour, the field or the portal."""
        error = refused(answer, request.call)
        layout = request.call.layout
        try:
            if answer.code == CODE_LAYOUT_MISSING and layout:
                return _with_hint(error, nearest_layout(layout, self.layout_names(session)))
            if answer.code == CODE_FIELD_MISSING and asked.fields():
                return _with_hint(error, missing_fields(asked, self._read_anew(layout, session)))
            if answer.code == CODE_PARAMETER_INVALID and asked.portals:
                return _with_hint(error, missing_portals(asked, self._read_anew(layout, session)))
        except FileMakerError:  # what failed is what the caller is to hear of, not the search for a hint
            return error
        return error

    def _read_anew(self, name: str, session: Session | None) -> LayoutInfo:
        """Return a layout as it is now: what is known of it may be why the request was wrong."""
        self.forget(name)
        return self.layout(name, session)

    def _read_layout(self, name: str, session: Session | None) -> LayoutInfo:
        request = self._database.of_layout("GET", name)
        answer = self.ask(request, session=session)
        try:
            return read_layout(name, answer.response)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise FileMakerRequestError(
                f"The answer to {request.call.where} describes no fields. FileMaker Server 18 or newer is needed.",
                http_status=answer.http_status,
                where=request.call.where,
            ) from None


def nearest(name: str, names: Iterable[str], likeness: float = 0.0) -> str:
    """Return the most similar of the names, case aside; "" when none is as alike as `likeness` (0 to 1)."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else ""


def nearest_layout(layout: str, names: Sequence[str]) -> str:
    """Return a hint for a layout that is not among the names."""
    return f"The nearest of its {len(names)} layouts is '{nearest(layout, names)}'." if names else "It has no layout."


def missing_fields(asked: Asked, layout: LayoutInfo) -> str:
    """Return a hint that names the asked fields which are not on the layout, and where they stood."""
    in_portals = {field: portal for portal, fields in layout.portals.items() for field in fields}
    missing = {
        name: place
        for name, place in asked.fields().items()
        if name not in layout.fields and _REPETITION.sub("", name) not in layout.fields
    }
    if not missing:
        return "All fields that were named are on the layout, so one that a calculation or a relation needs is missing."
    sentences = []
    for name, place in sorted(missing.items()):
        if name in in_portals:
            advice = f"only inside its portal '{in_portals[name]}': put it on the layout itself"
        else:
            like = _nearest_field(name, [*layout.fields, *in_portals])
            advice = f"nearest: '{like}'" if like else "it has no fields"
        sentences.append(f"'{name}' of {place} ({advice})")
    return f"Not on the layout: {', '.join(sentences)}."


def missing_portals(asked: Asked, layout: LayoutInfo) -> str:
    """Return a hint that names the asked portals which the layout does not have."""
    missing = [name for name in asked.portals if name not in layout.portals]
    return f"The layout has no portal {_listed(missing)}; its portals: {_listed(layout.portals)}." if missing else ""


def _nearest_field(name: str, names: Iterable[str]) -> str:
    """Return the most similar name; first of all the same field of another table occurrence."""
    plain = name.rpartition("::")[2]
    same = [candidate for candidate in names if candidate.rpartition("::")[2] == plain]
    return nearest(name, same or names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"


def _with_hint(error: FileMakerError, hint: str) -> FileMakerError:
    hinted = copy.copy(error)
    hinted.args = (f"{error} {hint}".rstrip(),)
    return hinted


def _flatten(items: Sequence[Mapping[str, Any]]) -> list[str]:
    names: list[str] = []
    for item in items:
        if item.get("isFolder"):
            names.extend(_flatten(item.get("folderLayoutNames") or []))
        else:
            names.append(str(item["name"]))
    return names
