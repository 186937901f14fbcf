"""Look-ups: which preserved row a FileMaker record means, by FileMaker id, by name, by code, by alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from uuid import UUID

from nexus_import.core import values

DISAGREE = "id and name disagree: they belong to two different rows in Nexus"


@dataclass(frozen=True)
class LookupRow:
    """One row of a preserved table as look-ups need it.

    `minutes` is an appointment type's duration, `filemaker_id` FileMaker's id of a clinic, `code` a funding's code.
    """

    nexus_id: UUID
    name: str
    minutes: int | None = None
    filemaker_id: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Lookup:
    """A preserved table by folded name; names that two rows share are `ambiguous` and find nothing.

    `rows` holds names, codes and aliases, `by_id` FileMaker's ids in the spelling that is compared.
    """

    rows: Mapping[str, LookupRow]
    ambiguous: frozenset[str] = frozenset()
    by_id: Mapping[str, LookupRow] = field(default_factory=dict)

    @classmethod
    def from_rows(cls, rows: list[LookupRow], aliases: Mapping[str, str] | None = None) -> Lookup:
        """Index rows by folded name, then by code, then by alias (FileMaker's spelling -> Nexus name).

        A name that two rows share stays ambiguous: neither a code nor an alias can decide which is meant.
        """
        found, ambiguous = _unambiguous([(values.fold_name(row.name), row) for row in rows])
        codes, shared = _unambiguous([(values.fold_name(row.code), row) for row in rows if row.code])
        for code, row in codes.items():
            if code not in ambiguous:
                found.setdefault(code, row)
        ambiguous |= shared - found.keys()
        for alias, name in (aliases or {}).items():
            target, spelling = found.get(values.fold_name(name)), values.fold_name(alias)
            if target is not None and spelling not in ambiguous:
                found.setdefault(spelling, target)
        by_id = {values.read_filemaker_id(row.filemaker_id) or "": row for row in rows if row.filemaker_id}
        return cls(found, frozenset(ambiguous), by_id)

    def find(self, name: object) -> LookupRow | None:
        """Return the row of that name, or None when it is unknown, ambiguous or empty."""
        spelling = values.fold_name(name)
        return self.rows.get(spelling) if spelling else None

    def resolve(self, filemaker_id: str | None, name: object) -> tuple[LookupRow | None, bool]:
        """Return the row that the id means, else the one of the name; and whether the two agree.

        They disagree when both find a row and not the same, or when the row of the name has another id.
        """
        named = self.find(name)
        if filemaker_id is None:
            return named, True
        meant = self.by_id.get(filemaker_id)
        if meant is not None:
            return meant, named is None or named == meant
        return named, named is None or named.filemaker_id is None

    def is_ambiguous(self, name: object) -> bool:
        """Tell whether Nexus has more than one row of that name."""
        return values.fold_name(name) in self.ambiguous

    def nearest(self, name: object) -> str | None:
        """Return the Nexus name most like `name`, or None when none is near."""
        near = get_close_matches(values.fold_name(name), list(self.rows), n=1, cutoff=0.6)
        return self.rows[near[0]].name if near else None


def _unambiguous(pairs: list[tuple[str, LookupRow]]) -> tuple[dict[str, LookupRow], set[str]]:
    """Return the rows by key, and the keys that more than one row has."""
    found: dict[str, LookupRow] = {}
    shared: set[str] = set()
    for key, row in pairs:
        if key in found:
            shared.add(key)
        found[key] = row
    for key in shared:
        del found[key]
    return found, shared
