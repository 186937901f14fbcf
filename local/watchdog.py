"""Ends the processes of a launcher that is gone, however it ended.

A launcher that is killed with SIGKILL cannot clean up. So it starts this program once and tells it through a
pipe which sessions it has opened; the end of the pipe is the sign that the launcher has ended. Sessions are
used because Airflow's task processes leave their process group but not their session; descendants are
followed as well, because PostgreSQL's leave their session.

Only the standard library is used, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05


def members(roots: set[int]) -> list[int]:
    """Return the living processes among the roots, of the sessions they lead, and all their descendants."""
    sessions: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets
            state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                sessions[int(entry.name)] = int(session)
                children.setdefault(int(parent), []).append(int(entry.name))
    found = [process_id for process_id, session in sessions.items() if session in roots or process_id in roots]
    for process_id in found:
        found += [child for child in children.get(process_id, []) if child not in found]
    return found


def started_at(process_id: int) -> int | None:
    """Return when a process was started, in clock ticks since boot; None when there is no such process."""
    try:
        return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def is_another(process_id: int, first_started_at: int | None) -> bool:
    """Tell whether the number of a process belongs to another one by now.

    A session's number is not given away while the session has a member.
    """
    return started_at(process_id) not in (None, first_started_at)


def signal_all(process_ids: list[int], number: int) -> None:
    """Send a signal to each process that still exists."""
    for process_id in process_ids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process_id, number)


def end_sessions(stop_signals: dict[int, int], grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask the leader of each session to stop, then kill whoever is left.

    `stop_signals` maps the session id (the leader's process id) to the signal its leader stops on.
    """
    # taken down first: a process whose parent has stopped can no longer be followed to it
    roots = set(stop_signals) | set(members(set(stop_signals)))
    for session_id, number in stop_signals.items():
        signal_all([session_id] if members({session_id}) else [], number)
    deadline = time.monotonic() + grace_seconds
    while members(roots) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    while left := members(roots):
        signal_all(left, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Read `guard KEY SESSION SIGNAL` and `release KEY` lines; at the end of input end what is guarded."""
    guarded: dict[str, tuple[int, int, int | None]] = {}
    for line in sys.stdin:
        verb, key, *numbers = line.split()
        if verb == "guard":
            session_id, stop_signal = map(int, numbers)
            guarded[key] = session_id, stop_signal, started_at(session_id)
        else:
            guarded.pop(key, None)
    end_sessions(
        {session_id: number for session_id, number, start in guarded.values() if not is_another(session_id, start)}
    )


if __name__ == "__main__":
    main()
