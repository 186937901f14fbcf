"""The doctor's lines, exit code, and its judgement of clocks and of slots on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from nexus_import.core.doctor import (
    Mark,
    bad,
    exit_code,
    good,
    judge_clocks,
    next_slots,
    skipped,
    summary,
    wall_clock_slips,
    warning,
)

SYDNEY = ZoneInfo("Australia/Sydney")
NOW = datetime(2026, 9, 1, tzinfo=UTC)
ITEMS = [good("a", "seen"), warning("b", "seen", "do"), bad("c", "one\n  two\n", "do\nthis"), skipped("d", "why")]


def test_each_item_is_one_line_with_what_was_seen_and_what_to_do() -> None:
    assert [item.line() for item in ITEMS] == [
        "✅ a: seen",
        "⚠ b: seen → do",
        "❌ c: one; two → do; this",
        "– d: why",
    ]
    assert summary(ITEMS) == "4 items: 1 good, 1 to look at, 1 wrong, 1 not looked at"


def test_only_what_is_wrong_makes_the_exit_code() -> None:
    assert exit_code(ITEMS) == 1
    assert exit_code([item for item in ITEMS if item.mark is not Mark.BAD]) == 0


def test_what_stands_on_a_warning_is_looked_at_and_on_what_is_ill_or_unknown_not() -> None:
    assert [item.is_well for item in ITEMS] == [True, True, False, False]


@pytest.mark.parametrize(
    ("ahead", "mark"),
    [({"a": 29.0, "b": -29.0}, "✅"), ({"a": 0.0, "b": -30.0}, "⚠"), ({"a": 300.0}, "❌"), ({}, "–")],
)
def test_clocks_are_judged_by_the_worst(ahead: dict[str, float], mark: str) -> None:
    item = judge_clocks("clocks", ahead)
    assert item.mark == mark
    assert all(who in item.seen for who in ahead)


@pytest.mark.parametrize(
    ("cron", "slips"),
    [
        ("0 1 * * 6", []),
        ("30 2 * * 0", ["2026-10-04 02:30 does not exist", "2027-04-04 02:30 comes twice"]),
        ("0 3 * * 0", []),
        ("59 1 * * 0", []),
    ],
)
def test_slots_in_the_hour_that_daylight_saving_takes_or_gives_twice_are_named(cron: str, slips: list[str]) -> None:
    assert wall_clock_slips(cron, SYDNEY, NOW) == slips


def test_zone_without_daylight_saving_has_no_slips() -> None:
    assert wall_clock_slips("30 2 * * *", ZoneInfo("Australia/Brisbane"), NOW) == []


def test_next_slots_keep_the_wall_time_when_the_clock_changes() -> None:
    slots = list(next_slots("0 1 * * 6", SYDNEY, datetime(2026, 10, 1, tzinfo=UTC)))
    assert [slot.isoformat() for slot in slots] == ["2026-10-03T01:00:00+10:00", "2026-10-10T01:00:00+11:00"]
