"""The process that publishes is killed at its statements: live Nexus is what it was, or all of the plan is in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.runs import Run
from tests.support.task_processes import TaskProcess, go
from tests.support.wire import Message
from tests.support.wired import NEXUS, Once, open_wires

PUBLISH = "publish.publish_plan"
OF_A_PUBLISH = ("publication", "before_image", "published_row", "identity")
READS = (b"SELECT", b"SHOW")
COMMIT = b"COMMIT"


def statement(message: Message) -> bytes:
    """Return the text of a statement, empty when the message holds none."""
    if message.wire != NEXUS or not message.is_request:
        return b""
    if message.kind == b"Q":
        return message.body[5:]
    # a prepared statement has its name first
    return message.body[5:].split(b"\0", 1)[1] if message.kind == b"P" else b""


def is_writing(message: Message) -> bool:
    text = statement(message)
    return bool(text) and not text.startswith(READS)


def is_any(message: Message) -> bool:
    """Tell whether something is about to be run, also what was prepared earlier."""
    return bool(statement(message)) or (message.wire == NEXUS and message.is_request and message.kind == b"E")


def is_answer_to_a_commit(message: Message) -> bool:
    return message.wire == NEXUS and message.kind == b"C" and message.body[5:].startswith(COMMIT)


def publish_and_kill(run: Run, rule: Once) -> bool:
    """Let a process publish until the rule kills it; tell whether it was killed."""
    with open_wires(run.installation, rule) as environment:
        process = TaskProcess(run, environment, PUBLISH)
        rule.action = process.kill_and_cut
        process.start().wait()
    return process.killed_in == PUBLISH


def journal(run: Run) -> dict[str, int]:
    return {table: run.installation.value(f"SELECT count(*) FROM nexus_import.{table}") for table in OF_A_PUBLISH}


@pytest.mark.parametrize(
    "is_like", [is_writing, pytest.param(is_any, marks=pytest.mark.deep)], ids=["writing", "every statement"]
)
def test_killed_before_a_statement(
    planned_run: Run, published: dict[str, str], is_like: Callable[[Message], bool]
) -> None:
    """Killed before the first, cleared, killed before the second, and so on, until one process came to the end."""
    installation = planned_run.installation
    before, journal_before = installation.live(), journal(planned_run)
    assert journal_before == dict.fromkeys(OF_A_PUBLISH, 0)
    after: dict[str, str] = {}
    number = 1
    while publish_and_kill(planned_run, Once(is_like, number=number)):
        if journal(planned_run)["publication"]:
            # committed: what is killed is the rest of the task, and it publishes nothing more
            after = after or installation.live()
            assert installation.live() == after, f"statement {number}"
        else:
            assert not after
            assert installation.live() == before, f"statement {number}"
            assert journal(planned_run) == journal_before
        planned_run.clear(PUBLISH)
        number += 1
    assert number > 50
    assert after
    assert installation.live(without_times=True) == published
    assert journal(planned_run)["publication"] == 1
    assert planned_run.go().is_green


def test_killed_when_the_commit_is_done_and_nobody_knows(planned_run: Run, published: dict[str, str]) -> None:
    installation = planned_run.installation
    # the first commit ends the look at the backup's manifest
    assert publish_and_kill(planned_run, Once(is_answer_to_a_commit, number=2))
    after = installation.live()
    assert installation.live(without_times=True) == published
    steps = "SELECT count(*) FROM nexus_import.step WHERE name = 'publish'"
    assert installation.value(steps) == 0
    planned_run.go()
    assert "Published but unverified" in planned_run.last_words
    assert f"Clear {PUBLISH} with downstream." in planned_run.last_words
    publication = installation.rows("SELECT * FROM nexus_import.publication")

    go(planned_run.clear(PUBLISH), installation.environment())
    assert planned_run.is_green
    assert installation.live() == after
    verified = installation.rows("SELECT verified_at IS NOT NULL FROM nexus_import.publication")
    assert (len(publication), verified) == (1, [(True,)])
