"""A trouble on the way of a run: where it happens, what happens, and what must be said; then the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.runs import Run
from tests.support.wire import ANSWER, Action, Cut, Message
from tests.support.wired import NEXUS, STORAGE, Always, Once, wired

CONTINUE = b" 100 "
SLOW_SECONDS = 0.4
"""How long a slow answer takes."""
UNAVAILABLE = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Trouble:
    """What happens at the messages that are like this, or only at the first; the task that fails, and what it says.

    `clear` is the task that the verdict names, if it is not the one that failed. `wait_for_the_end` waits until the
    trouble is over, before the run's last tasks speak the verdict.
    """

    name: str
    is_like: Callable[[Message], bool]
    action: Action
    task: str
    says: str
    clear: str | None = None
    is_lasting: bool = False
    wait_for_the_end: Callable[[], None] = lambda: None


def meet(run: Run, trouble: Trouble) -> None:
    """Let the run go on into the trouble; it must be red, say why, leave live Nexus alone and name what to clear.

    Then that task is cleared: the next `go` runs it again.
    """
    before = run.installation.live()
    kind = Always if trouble.is_lasting else Once
    rule = kind(trouble.is_like, trouble.action)
    with wired(run.installation, rule):
        run.go(until=trouble.task)
    trouble.wait_for_the_end()
    run.go()
    assert rule.has_happened, trouble.name
    assert not run.is_green, trouble.name
    assert trouble.says in str(run.errors[trouble.task]), trouble.name
    assert run.named_task == (trouble.clear or trouble.task), trouble.name
    assert "Live Nexus is unchanged" in run.last_words, trouble.name
    assert run.installation.live() == before, trouble.name
    assert published_count(run) == 0, trouble.name
    run.clear(run.named_task)


def published_count(run: Run) -> int:
    return int(run.installation.value("SELECT count(*) FROM nexus_import.publication"))


def asks_nexus(text: bytes) -> Callable[[Message], bool]:
    """Return what is like a statement that holds this text."""
    return lambda message: message.wire == NEXUS and message.is_request and text in message.body


def asks_store(method: bytes, *names: bytes) -> Callable[[Message], bool]:
    """Return what is like the first bytes of the answer to a request of the object store."""

    def is_like(message: Message) -> bool:
        is_answer = message.wire == STORAGE and message.kind == ANSWER
        if CONTINUE in message.body[:20]:
            return False
        return is_answer and message.request.startswith(method) and all(name in message.request for name in names)

    return is_like


def answer_unavailable(message: Message) -> None:
    """Answer as a store that is too busy, in place of the real answer."""
    raise Cut(UNAVAILABLE)


def wait_a_little(message: Message) -> None:
    """Hold an answer up."""
    time.sleep(SLOW_SECONDS)
