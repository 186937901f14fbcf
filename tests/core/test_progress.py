"""The log lines, as the requirement's example has them."""

from __future__ import annotations

import pytest
from nexus_import.core import progress
from nexus_import.core.progress import Progress, Progressing


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (4.06, "4.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_elapsed_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert progress.elapsed(seconds) == said


def test_step_opens_as_in_the_requirement() -> None:
    assert progress.starting("Phase 3", "Importing patients from FileMaker") == (
        "Phase 3: Importing patients from FileMaker..."
    )


@pytest.mark.parametrize(
    ("errors", "line"),
    [
        (0, "Phase 3: ✅ Imported 2,842 patients, 0 errors (4.1 s)"),
        (1, "Phase 3: ❌ Imported 2,842 patients, 1 error (4.1 s)"),
        (1234, "Phase 3: ❌ Imported 2,842 patients, 1,234 errors (4.1 s)"),
    ],
)
def test_step_closes_with_records_errors_and_time(errors: int, line: str) -> None:
    assert progress.done("Phase 3", "Imported 2,842 patients", errors, 4.1) == line


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (2000, 2842, 4.0, "patients: 2,000 of 2,842 (70 %), 500/s, 1.7 s left"),
        (2842, 2842, 5.684, "patients: 2,842 of 2,842 (100 %), 500/s, 0.0 s left"),
        (2900, 2842, 5.8, "patients: 2,900 of 2,842 (102 %), 500/s, 0.0 s left"),
        (0, 2842, 1.0, "patients: 0 of 2,842 (0 %), 0/s"),
        (10, 0, 1.0, "patients: 10 of 0, 10/s, 0.0 s left"),
        (10, 20, 0.0, "patients: 10 of 20 (50 %), 0/s"),
        (1500, None, 3.0, "patients: 1,500, 500/s"),
    ],
)
def test_line_says_rate_and_time_left(done: int, total: int | None, seconds: float, line: str) -> None:
    assert Progress("patients", done, total, seconds).line() == line


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_at_most_one_snapshot_a_second_and_the_last_one_always() -> None:
    told: list[Progress] = []
    clock = Clock()
    progressing = Progressing("rows", 10, told.append, clock)
    for done in range(1, 11):
        clock.now += 0.3
        progressing.reach(done)
    assert [snapshot.done for snapshot in told] == [4, 8]
    progressing.end()
    progressing.end()
    assert [snapshot.done for snapshot in told] == [4, 8, 10]
    assert told[-1].seconds == pytest.approx(3.0)


def test_nothing_done_is_nothing_to_tell() -> None:
    told: list[Progress] = []
    Progressing("rows", None, told.append).end()
    assert told == []


def test_items_are_handed_on_and_counted() -> None:
    told: list[Progress] = []
    clock = Clock()
    assert list(Progressing("rows", 3, told.append, clock).each("abc")) == ["a", "b", "c"]
    assert told == [Progress("rows", 3, 3, 0.0)]
