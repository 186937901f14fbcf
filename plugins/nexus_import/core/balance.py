"""What became of every record that was read: nothing of a clinic's data goes missing without a name for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EntityBalance:
    """One entity: read = created + updated + unchanged + skipped + rejected + unexplained.

    `skipped` and `rejected` count records by reason; `unexplained` may be below 0, when more was made than read.
    """

    label: str
    read: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def unexplained(self) -> int:
        """Records of which nobody knows what became of them; the import is right only when this is 0."""
        found = self.created + self.updated + self.unchanged
        return self.read - found - sum(self.skipped.values()) - sum(self.rejected.values())

    def sentence(self) -> str:
        """Say the balance in one line."""
        line = (
            f"{self.label}: {self.read:,} read = {self.created:,} created + {self.updated:,} updated"
            f" + {self.unchanged:,} unchanged + {sum(self.skipped.values()):,} skipped{_by_reason(self.skipped)}"
            f" + {sum(self.rejected.values()):,} rejected{_by_reason(self.rejected)}"
        )
        return f"{line} + {self.unexplained:,} UNEXPLAINED" if self.unexplained else line


def _by_reason(counts: Mapping[str, int]) -> str:
    named = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
    return f" ({named})" if named else ""


def plural(entity: str) -> str:
    """Return what several records of an entity are called: `referrer_company` makes *referrer companies*."""
    words = entity.replace("_", " ")
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
