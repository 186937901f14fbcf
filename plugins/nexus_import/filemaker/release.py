"""Giving sessions back when a program is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_log = logging.getLogger(__name__)


@contextmanager
def released_on_sigterm(release: Callable[[], None]) -> Iterator[None]:
    """Call `release` on SIGTERM, then what handled the signal before; without such a handler the program exits.

    Python runs no `finally` and no `atexit` on a SIGTERM that nobody handles. Only the main thread may handle
    signals: in any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.getsignal(signal.SIGTERM)

    def handle(signal_number: int, frame: FrameType | None) -> None:
        _log.info("stopped by SIGTERM: logging out of FileMaker")
        release()
        if callable(earlier):
            earlier(signal_number, frame)
        elif earlier is not signal.SIG_IGN:
            raise SystemExit(128 + signal_number)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier or signal.SIG_DFL)
