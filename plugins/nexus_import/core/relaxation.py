"""What a run passed only because the policy is milder than a check: said in one sentence wherever people look. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

POLICY_FILE = "include/policy.yaml"
MAPPING_FOLDER = "include/mapping"
What = Literal["severity", "allowance", "mapping"]
SECTIONS: dict[What, str] = {"severity": "severity", "allowance": "allowances"}
"""The section of the policy that decides each; what no field is mapped to, the mapping has decided."""


@dataclass(frozen=True)
class Relaxation:
    """A check that found something, or could find nothing, and let the run pass all the same.

    `allowed` stands only where that is a number.
    """

    check_id: str
    what: What
    finding_count: int
    allowed: int | None = None

    @property
    def decided_by(self) -> str:
        """Where it is written that this may pass."""
        return MAPPING_FOLDER if self.what == "mapping" else f"{POLICY_FILE}: {SECTIONS[self.what]}"

    def sentence(self) -> str:
        """Say which check, how many it found, and what the policy says about it."""
        if self.what == "mapping":
            return f"{self.check_id} does not apply: no FileMaker field is mapped to what it looks at (mapping)"
        says = "makes it a warning" if self.allowed is None else f"allows {self.allowed:,}"
        return f"{self.check_id} found {self.finding_count:,}; the policy {says} ({SECTIONS[self.what]})"
