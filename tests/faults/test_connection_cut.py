"""The connection to Nexus's database is cut while rows are copied, and when the publish commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.troubles import Trouble, meet, published_count
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.wire import Message, cut
from tests.support.wired import NEXUS, Once, wired

BACK_UP = "phase_0_validate.back_up_database"
STAGE = "phase_0_validate.stage_records"
PUBLISH = "publish.publish_plan"
COPIED_ROW = b"d"


def copies_a_row(*, into_nexus: bool) -> Callable[[Message], bool]:
    return lambda message: message.wire == NEXUS and message.kind == COPIED_ROW and message.is_request == into_nexus


def test_cut_in_the_middle_of_a_copy(
    installation: Installation, new_run: Any, clinic_published: dict[str, str]
) -> None:
    run = new_run()
    meet(run, Trouble("backup", copies_a_row(into_nexus=False), cut, BACK_UP, "the connection was lost"))
    meet(run, Trouble("staging", copies_a_row(into_nexus=True), cut, STAGE, "the connection was lost"))
    assert run.go().is_green
    assert published_count(run) == 1
    assert installation.live(without_times=True) == clinic_published


def test_cut_when_the_publish_is_committed_and_nobody_knows(planned_run: Run, published: dict[str, str]) -> None:
    installation = planned_run.installation
    is_commit = Once(lambda message: message.kind == b"C" and b"COMMIT" in message.body, cut, number=2)
    with wired(installation, is_commit):
        planned_run.go()
    assert is_commit.has_happened
    assert "the connection was lost" in str(planned_run.errors[PUBLISH])
    assert "Published but unverified" in planned_run.last_words
    assert installation.live(without_times=True) == published
    after = installation.live()
    assert planned_run.clear(planned_run.named_task).go().is_green
    assert published_count(planned_run) == 1
    assert installation.live() == after
