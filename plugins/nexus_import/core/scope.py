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
    """Which records are out of scope (`field` is empty, of several: all; or one of some values), and what then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str | tuple[str, ...]
    empty: Literal[True] | None = None
    one_of: tuple[str, ...] = ()
    then: Literal["skip", "import"]

    @model_validator(mode="after")
    def _asks_one_thing(self) -> ScopeRule:
        if bool(self.empty) == bool(self.one_of):
            raise ValueError("say either empty: true or one_of: [value, …]")
        if self.one_of and len(self.fields) > 1:
            raise ValueError("one_of looks at one field; several can only be empty together")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the rule looks at."""
        return (self.field,) if isinstance(self.field, str) else self.field

    def matches(self, fields: Mapping[str, object]) -> bool:
        """Tell whether a record is one of these; values are compared as names are, whatever case and blanks."""
        try:
            texts = [values.read_text(fields.get(name)) for name in self.fields]
        except values.UnreadableValue:
            return False
        if self.empty:
            return not any(texts)
        return texts[0] is not None and values.fold_name(texts[0]) in {values.fold_name(value) for value in self.one_of}


def find_scope(rules: Mapping[str, ScopeRule], fields: Mapping[str, object]) -> str | None:
    """Return the name of the first rule that puts the record out of scope, None when none does."""
    return next((name for name, rule in rules.items() if rule.matches(fields)), None)


def not_importable(entity: str, rules: Mapping[str, ScopeRule]) -> Iterator[tuple[str, str]]:
    """Yield key and sentence of each rule that would import what cannot stand without its patient."""
    for name, rule in rules.items():
        if rule.then == "import" and entity not in ENTITIES_WITHOUT_PATIENT:
            possible = ", ".join(ENTITIES_WITHOUT_PATIENT)
            yield f"out_of_scope.{name}.then", f"import is for {possible} only; choose skip"
