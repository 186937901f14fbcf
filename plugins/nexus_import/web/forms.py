"""The findings' form: what a person may choose, and what was chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from nexus_import.nexus.report_pages import SORTS, FindingFilter, FindingGroup
from nexus_import.web.links import NO_CLINIC

MAX_TEXT = 300
Text = Annotated[str, Query(max_length=MAX_TEXT)]
Options = list[tuple[str, str]]


def chosen_filter(
    check: Text = "", clinic: Text = "", severity: Text = "", status: Text = "", sort: Text = "check"
) -> FindingFilter:
    """Return what the form asks for; an empty choice is all of them."""
    return FindingFilter(
        check or None,
        severity or None,
        "" if clinic == NO_CLINIC else clinic or None,
        status or None,
        sort if sort in SORTS else "check",
    )


@dataclass(frozen=True)
class Facets:
    """What the form offers, each as (value, text)."""

    checks: Options
    clinics: Options
    severities: Options
    statuses: Options
    sorts: Options


def facets(groups: Iterable[FindingGroup]) -> Facets:
    """Return what can be chosen among these findings."""
    found = list(groups)
    counts: dict[str, int] = {}
    for group in found:
        counts[group.check_id] = counts.get(group.check_id, 0) + group.finding_count
    titles = {group.check_id: group.title for group in found}
    clinics = sorted({group.clinic or "" for group in found})
    return Facets(
        [(check_id, f"{title} ({counts[check_id]:,})") for check_id, title in sorted(titles.items())],
        [(clinic or NO_CLINIC, clinic or "no clinic") for clinic in clinics],
        _plain(group.severity for group in found),
        _plain(group.status for group in found),
        [(name, name if name != "status" else "since the last run") for name in SORTS],
    )


def _plain(values: Iterable[str]) -> Options:
    return [(value, value) for value in sorted(set(values))]
