"""When a person must be asked before the publish, and when a publish may happen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

WATCHED_TABLES = {
    "patients": ("removed", "added", "changed"),
    "appointments": ("removed", "added", "changed"),
    "notes": ("removed", "added"),
    "letters_patientletter": ("removed",),
    "reminders": ("removed",),
}
"""Tables whose plan is compared with the limits, and by what: a layout read as empty must not remove all notes."""
FILE_TABLES = ("documents_document", "images_batch")
"""Tables whose rows are of a patient whom the evidence gives them; many that move at once are looked at."""
ACTION_OF = {"removed": "remove", "added": "add", "changed": "change"}


@dataclass(frozen=True)
class Losses:
    """What a plan takes from Nexus that its counts do not tell.

    `removed` are rows per table that exist nowhere else; `cleared` are rows per link (`table.column`) that lose it
    because what it named goes; `moved` are documents and batches, per table, that go from one patient to another;
    `contradicted` those that get a patient other than FileMaker's own record of them names.
    """

    removed: Mapping[str, int] = field(default_factory=dict)
    cleared: Mapping[str, int] = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    contradicted: Mapping[str, int] = field(default_factory=dict)


def unusual_reasons(
    counts: Mapping[str, Mapping[str, int]],
    live_counts: Mapping[str, int],
    limits: Mapping[str, float],
    losses: Losses,
    relaxations: list[str],
) -> list[str]:
    """Return why the plan is unusual, one sentence each; empty when it is not.

    `counts` is {table: {add, change, remove}}, `live_counts` rows before, `limits` percentages with the keys
    removed_percent, added_percent and changed_percent, `relaxations` a sentence for each check that passed only because
    the policy is milder than it.
    """
    reasons = []
    for table, words in WATCHED_TABLES.items():
        base = live_counts.get(table, 0)
        for word in words:
            count, limit = counts.get(table, {}).get(ACTION_OF[word], 0), limits[f"{word}_percent"]
            if base and 100 * count / base > limit:
                share = 100 * count / base
                reasons.append(f"{count:,} of {base:,} {table} would be {word} ({share:.1f} %, limit {limit:g} %)")
            elif count and not base:
                # of nothing, any number is too large a share: a first import, or a Nexus that somebody emptied
                reasons.append(f"{count:,} {table} would be {word} where Nexus has none")
    for table in FILE_TABLES:
        count, base, limit = losses.moved.get(table, 0), live_counts.get(table, 0), limits["changed_percent"]
        if base and 100 * count / base > limit:
            share = 100 * count / base
            reasons.append(
                f"{count:,} of {base:,} {table} would move to another patient ({share:.1f} %, limit {limit:g} %)"
            )
    for table, count in sorted(losses.contradicted.items()):
        if count:
            reasons.append(f"{count:,} {table} would get another patient than FileMaker's own record of them names")
    for table, count in sorted(losses.removed.items()):
        if count:
            reasons.append(f"{count:,} rows of {table} that exist only in Nexus would be removed")
    for link, count in sorted(losses.cleared.items()):
        if count:
            reasons.append(f"{count:,} rows would lose what only Nexus knows: {link} would be set to NULL")
    return reasons + relaxations


def is_within_launch_window(slot: datetime, now: datetime, window: timedelta) -> bool:
    """Tell whether a scheduled run starts near enough to its slot (both aware)."""
    return abs(now - slot) <= window


def is_within_publish_window(now: datetime, window: tuple[str, str]) -> bool:
    """Tell whether the local time `now` lies in the window; a window may cross midnight."""
    start, end = (time.fromisoformat(part) for part in window)
    clock = now.time()
    return start <= clock < end if start <= end else clock >= start or clock < end
