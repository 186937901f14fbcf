"""The names a clinic's own mapping gives to layouts and fields, for the texts and queries of checks. Pure.

A check speaks of FileMaker in placeholders, so that it names the fields of whoever reads its findings:
`{layout:appointment}`, `{key:appointment}` (the field with the id), `{field:appointment.clinic_id}` (the field that
fills a column; of several, with commas between them, all: `{field:patient.first_name,last_name}`). `this` is the
entity that the check is about: `{field:this.patient_id}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nexus_import.core.mapping import EntityMapping

_PLACE = re.compile(r"\{(layout|key|field):([a-z_]+)(?:\.([a-z_]+(?:,[a-z_]+)*))?\}")


class SourceNames:
    """Layouts and fields by entity and column."""

    def __init__(self, mappings: Mapping[str, EntityMapping]) -> None:
        """Keep the mappings, by entity."""
        self._mappings = mappings

    def layout(self, entity: str) -> str | None:
        """Return the entity's layout, None for what does not come from FileMaker."""
        mapping = self._mappings.get(entity)
        return mapping.layout if mapping else None

    def table(self, entity: str) -> str | None:
        """Return the Nexus table that the entity fills, None when it fills none."""
        mapping = self._mappings.get(entity)
        return mapping.table if mapping else None

    def has(self, needed: str) -> bool:
        """Tell whether a field is mapped to `entity.column`, or the entity is mapped at all where only it is named."""
        entity, _, column = needed.partition(".")
        mapping = self._mappings.get(entity)
        return mapping is not None and (not column or column in mapping.columns)

    def fill(self, text: str) -> str:
        """Return the text with each placeholder replaced by the name it stands for."""
        return "".join(part for part, _ in self.parts(text))

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the text piece by piece, each with whether it is a name that stood in a placeholder."""
        end = 0
        for place in _PLACE.finditer(text):
            yield text[end : place.start()], False
            yield self._name(*place.groups()), True
            end = place.end()
        yield text[end:], False

    def _name(self, kind: str, entity: str, columns: str | None) -> str:
        mapping = self._mappings.get(entity)
        if mapping is None:
            return f"{columns or kind} of {entity} (not mapped)"
        if kind == "layout":
            return mapping.layout
        if kind == "key":
            return mapping.key_name
        names = [name for column in (columns or "").split(",") for name in self._fields(mapping, column)]
        return ", ".join(dict.fromkeys(names))

    @staticmethod
    def _fields(mapping: EntityMapping, column: str) -> Iterator[str]:
        if mapped := mapping.columns.get(column):
            yield from (field for _, field in mapped.fields())
        else:
            yield f"{column} (no field is mapped to it)"
