"""The geometry of a report's pictures: widths and heights in the units of their drawings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nexus_import.core.balance import EntityBalance
from nexus_import.core.report_phases import PhaseLine

FLOW_WIDTH, PHASE_WIDTH, TREND_HEIGHT = 560.0, 300.0, 60.0
SMALLEST = 2.0
"""What is not nothing is seen: no part is drawn narrower than this."""
OUTCOMES = ("created", "updated", "unchanged", "skipped", "rejected", "unexplained")


@dataclass(frozen=True)
class Part:
    """A part of a bar: what it stands for, how many, where it begins and how wide it is."""

    name: str
    count: int
    x: float
    width: float


@dataclass(frozen=True)
class Flow:
    """What became of one entity's records, as a bar of parts; `live_count` are those that stand in Nexus."""

    label: str
    read: int
    parts: list[Part]
    width: float
    live_count: int


@dataclass(frozen=True)
class RunLine:
    """A run among others: how it ended, how long it worked, what it found and changed; None where unknown."""

    run_id: str
    started_at: datetime
    state: str
    mode: str
    triggered_by: str
    seconds: float | None
    finding_count: int
    change_count: int | None
    verdict: str = ""


@dataclass(frozen=True)
class TrendBar:
    """One run in a trend: the height of its bar, and what it stands for."""

    run: RunLine
    value: float
    height: float


def flows(balances: Sequence[EntityBalance]) -> list[Flow]:
    """Return a bar for each entity; the lengths of the bars compare the entities by the records that were read."""
    most = max((balance.read for balance in balances), default=0)
    return [_flow(balance, most) for balance in balances if balance.read]


def _flow(balance: EntityBalance, most: int) -> Flow:
    counts = {
        "created": balance.created,
        "updated": balance.updated,
        "unchanged": balance.unchanged,
        "skipped": sum(balance.skipped.values()),
        "rejected": sum(balance.rejected.values()),
        "unexplained": max(balance.unexplained, 0),
    }
    # the root keeps small entities readable beside large ones; the numbers stand beside it
    full = max(FLOW_WIDTH * (balance.read / most) ** 0.5, 40.0)
    parts, x = [], 0.0
    for name in OUTCOMES:
        if count := counts[name]:
            width = max(full * count / balance.read, SMALLEST)
            parts.append(Part(name, count, round(x, 1), round(width, 1)))
            x += width
    return Flow(balance.label, balance.read, parts, round(x, 1), balance.created + balance.updated + balance.unchanged)


def phase_bars(phases: Sequence[PhaseLine]) -> dict[str, tuple[float, float]]:
    """Return (x, width) of each phase's bar by group, one after the other: waiting between them is not drawn."""
    total = sum(phase.seconds for phase in phases) or 1.0
    bars, x = {}, 0.0
    for phase in phases:
        width = PHASE_WIDTH * phase.seconds / total
        drawn = max(width, SMALLEST) if phase.steps else 0.0
        bars[phase.group] = (round(min(x, PHASE_WIDTH - drawn), 1), round(drawn, 1))
        x += width
    return bars


def trend(runs: Sequence[RunLine], what: str) -> list[TrendBar]:
    """Return a bar per run for an attribute of it; runs without a value have a bar of no height."""
    values = [float(getattr(run, what) or 0) for run in runs]
    most = max(values, default=0.0) or 1.0
    return [
        TrendBar(run, value, round(max(TREND_HEIGHT * value / most, SMALLEST if value else 0.0), 1))
        for run, value in zip(runs, values, strict=True)
    ]
