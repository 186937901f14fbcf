"""Defects, each a function named after what is wrong; a module per phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.sql.clinic import Clinic

Broken = dict[str, list[tuple[str, str]]]
"""What the checks must name, and nothing else: (entity, record id, else row id) by check."""


class Moment(Enum):
    """When a defect is made."""

    SOURCE = "in FileMaker, before it is read"
    LIVE = "in live Nexus, before it is copied"
    COPY = "in the working copy or the files, between the work and its checks"


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong, and the check it is there for."""

    check: str
    moment: Moment
    make: Callable[[Clinic], Broken]

    @property
    def name(self) -> str:
        """What is wrong, in words."""
        return self.make.__name__


class Defects(list[Defect]):
    """The defects of a phase, in the order they are made."""

    def breaks(self, check: str, moment: Moment) -> Callable[[Callable[[Clinic], Broken]], Callable[[Clinic], Broken]]:
        """Add the decorated function as a defect of the check."""

        def add(make: Callable[[Clinic], Broken]) -> Callable[[Clinic], Broken]:
            self.append(Defect(check, moment, make))
            return make

        return add
