"""What may have been meant by a name that Nexus does not have, with how often the meant one is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from nexus_import.core.mapping import EntityMapping, Lookup
from nexus_import.nexus.checks import CheckResult, Finding

WORDS = {
    "clinics": "clinic",
    "clinicians": "clinician",
    "appointment_types": "appointment type",
    "funding_sources": "funding type",
    "specialties": "specialty",
}
"""One row of each preserved table that names are looked up in."""


class Suggester:
    """Suggests the nearest name of a preserved table; each name and each table's use is looked at once."""

    def __init__(
        self, connection: Connection[Any], mappings: Mapping[str, EntityMapping], lookups: Mapping[str, Lookup]
    ) -> None:
        """Take the look-ups by table."""
        self._connection = connection
        self._mappings = mappings
        self._lookups = lookups
        self._nearest = cache(self._find_nearest)
        self._uses = cache(self._count_uses)

    def add_to(self, result: CheckResult, table: str | None) -> CheckResult:
        """Return the result with a suggestion for each finding whose detail is a name of `table`."""
        if table is None or table not in self._lookups:
            return result
        return replace(result, findings=[replace(item, suggestion=self._for(item, table)) for item in result.findings])

    def _for(self, finding: Finding, table: str) -> str | None:
        word = WORDS.get(table, table)
        if self._lookups[table].is_ambiguous(finding.detail):
            return f"Nexus has more than one {word} of this name: rename one of them there"
        near = self._nearest(table, finding.detail)
        if near is None:
            return None
        found = self._lookups[table].find(near)
        mapping = self._mappings.get(finding.entity)
        uses = self._uses(finding.entity, table)
        if found is None or mapping is None or uses is None:
            return f"nearest Nexus {word}: {near}"
        return f"nearest Nexus {word}: {near}, {uses.get(found.nexus_id, 0):,} {mapping.label}"

    def _find_nearest(self, table: str, name: str | None) -> str | None:
        return self._lookups[table].nearest(name)

    def _count_uses(self, entity: str, table: str) -> dict[UUID, int] | None:
        """Return how many rows of live Nexus refer to each row of the table; None where no column does."""
        mapping = self._mappings.get(entity)
        if mapping is None or mapping.table is None:
            return None
        column = next((name for name, mapped in mapping.columns.items() if mapped.lookup == table), None)
        if column is None:
            return None
        query = sql.SQL("SELECT {column}, count(*) FROM public.{table} WHERE {column} IS NOT NULL GROUP BY 1").format(
            column=sql.Identifier(column), table=sql.Identifier(mapping.table)
        )
        return dict(self._connection.execute(query).fetchall())
