"""Records that a clinic does not want imported, or not as a patient's: rules of the mapping, in writing. Pure.

A rule looks at one field of a record as FileMaker gives it; the first rule that matches decides. What is skipped is
counted by the rule's name and is never a failure. What is imported out of scope (an appointment without a patient: a
clinic event, a block booking) need not have what its like must have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from nexus_import.core import values

ENTITIES_WITHOUT_PATIENT = ("appointment",)
"""Entities whose row may stand in Nexus without a patient."""


class ScopeRule(BaseModel):
    """Which records are out of scope (`field` is empty, or is one of some values), and what becomes of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    empty: Literal[True] | None = None
    one_of: tuple[str, ...] = ()
    then: Literal["skip", "import"]

    @model_validator(mode="after")
    def _asks_one_thing(self) -> ScopeRule:
        if bool(self.empty) == bool(self.one_of):
            raise ValueError("say either empty: true or one_of: [value, …]")
        return self

    def matches(self, fields: Mapping[str, object]) -> bool:
        """Tell whether a record is one of these; values are compared as names are, whatever case and blanks."""
        raw = fields.get(self.field)
        try:
            text = values.read_text(raw)
        except values.UnreadableValue:
            return False
        if self.empty:
            return text is None
        return text is not None and values.fold_name(text) in {values.fold_name(value) for value in self.one_of}


def find_scope(rules: Mapping[str, ScopeRule], fields: Mapping[str, object]) -> str | None:
    """Return the name of the first rule that puts the record out of scope, None when none does."""
    return next((name for name, rule in rules.items() if rule.matches(fields)), None)


def not_importable(entity: str, rules: Mapping[str, ScopeRule]) -> Iterator[tuple[str, str]]:
    """Yield key and sentence of each rule that would import what cannot stand without its patient."""
    for name, rule in rules.items():
        if rule.then == "import" and entity not in ENTITIES_WITHOUT_PATIENT:
            possible = ", ".join(ENTITIES_WITHOUT_PATIENT)
            yield f"out_of_scope.{name}.then", f"import is for {possible} only; choose skip"
