"""A record: its ids, its fields by name, its related rows by portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .values import Value


@dataclass(slots=True, eq=False)
class Record:
    """One record of a table; `portals` holds its related rows by portal."""

    record_id: str
    mod_id: int
    fields: dict[str, Value]
    portals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
