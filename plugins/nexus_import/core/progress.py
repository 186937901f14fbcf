"""The lines a person reads in a task log: one shape for every phase, with counts and elapsed time."""

from __future__ import annotations


def elapsed(seconds: float) -> str:
    """Return a duration as people say it: `4.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def starting(phase: str, what: str) -> str:
    """Return the line that opens a step: `Phase 3: Importing patients from FileMaker...`."""
    return f"{phase}: {what}..."


def done(phase: str, what: str, error_count: int, seconds: float) -> str:
    """Return the line that closes a step: `Phase 3: ✅ Imported 2,842 patients, 0 errors (4.1 s)`."""
    mark = "✅" if error_count == 0 else "❌"
    return f"{phase}: {mark} {what}, {error_count:,} error{'' if error_count == 1 else 's'} ({elapsed(seconds)})"


def reading(what: str, record_count: int, expected_count: int, seconds: float) -> str:
    """Return a progress line with rate and time left: `patients: 2,000 of 2,842 (70 %), 510/s, 1.7 s left`."""
    rate = record_count / seconds if seconds > 0 else 0.0
    share = f" ({100 * record_count // expected_count} %)" if expected_count else ""
    left = f", {elapsed(max(expected_count - record_count, 0) / rate)} left" if rate else ""
    return f"{what}: {record_count:,} of {expected_count:,}{share}, {rate:,.0f}/s{left}"
