"""What every part of the reference clinic is made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from ..configuration import Configuration
from ..dice import Dice
from ..ledger import Ledger
from ..source import Patient
from .records import FileMaker
from .sizes import ReferenceSizes
from .truth import ReferenceTruth


@dataclass
class Scene:
    """The two systems in the making.

    `clinic_keys` and `foreign_keys` are FileMaker's ids of calendars, by name; those of clinics are also the
    clinics' own. `clinicless` are the patients whom Nexus has without clinic, by why.
    """

    ledger: Ledger
    truth: ReferenceTruth
    configuration: Configuration
    filemaker: FileMaker
    sizes: ReferenceSizes
    clinic_keys: dict[str, str] = field(default_factory=dict)
    foreign_keys: dict[str, str] = field(default_factory=dict)
    clinicless: dict[str, list[Patient]] = field(default_factory=dict)
    referrer_keys: list[str] = field(default_factory=list)
    company_keys: list[str] = field(default_factory=list)

    def dice(self, subject: str) -> Dice:
        """Return the dice of one subject."""
        return self.ledger.dice(subject)

    @property
    def today(self) -> date:
        """The day the clinic is as of."""
        return self.ledger.today

    @property
    def with_clinic(self) -> list[Patient]:
        """The patients whom Nexus has with their clinic."""
        return [patient for patient in self.ledger.source.established if patient.clinic]

    @property
    def nameless(self) -> list[Patient]:
        """FileMaker's contacts that Nexus does not have."""
        return self.ledger.source.arrived
