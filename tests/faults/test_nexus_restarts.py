"""The server of Nexus's database is killed and comes up again, in each phase: the run says so, is cleared, goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from local.mail import MailDirectory, read_mails
from local.network import LOOPBACK, free_ports
from local.postgres import START_SECONDS
from tests.faults.troubles import Trouble, meet, published_count
from tests.support.installation import Installation, mail_connection
from tests.support.runs import Run
from tests.support.wire import Cut, Message
from tests.support.wired import NEXUS, Once, wired

IN_EACH_PHASE = (
    "start.record_attempt",
    "phase_0_validate.back_up_database",
    "phase_0_validate.fetch_patients",
    "phase_0_validate.stage_records",
    "phase_0_validate.gate",
    "phase_1_preserve.copy_tables",
    "phase_2_delete.delete_patients",
    "phase_3_patients.import_patients",
    "phase_4_appointments.import_appointments",
    "phase_5_notes.import_notes",
    "phase_6_documents.relink_documents",
    "phase_7_images.relink_batches",
    "phase_8_validate.check_database",
    "publish.make_plan",
    "publish.publish_plan",
)
LAST_STATEMENTS = tuple(b"INSERT INTO nexus_import." + table for table in (b"step ", b"publication ", b"run "))


def is_almost_done(message: Message) -> bool:
    """Tell whether a task has done its work and is about to say so and commit."""
    is_statement = message.wire == NEXUS and message.is_request and message.kind in (b"P", b"Q")
    return is_statement and any(words in message.body for words in LAST_STATEMENTS)


def test_server_killed_in_each_phase(
    installation: Installation, new_run: Any, dag: Any, clinic_published: dict[str, str]
) -> None:
    """One run; the server dies once in each phase, each time when the task's work is done and not committed."""

    is_up_again = threading.Event()

    def crash(message: Message) -> None:
        installation.database.cluster.crash()
        is_up_again.set()
        raise Cut

    def wait_for_the_end() -> None:
        assert is_up_again.wait(START_SECONDS)
        is_up_again.clear()

    run = new_run()
    order = [task.task_id for task in dag.topological_sort()]
    for task in IN_EACH_PHASE:
        before = order[: order.index(task)]
        if any(name not in run.states for name in before):
            run.go(until=before[-1])
        meet(run, Trouble(task, is_almost_done, crash, task, "PostgreSQL: ", wait_for_the_end=wait_for_the_end))
    assert run.go().is_green
    assert published_count(run) == 1
    assert installation.live(without_times=True) == clinic_published


def test_server_that_is_away_when_the_verdict_is_due(
    planned_run: Run, published: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publish ends without an answer, and the journal cannot be read: people are told what to clear."""
    installation = planned_run.installation
    cluster = installation.database.cluster
    before = installation.live()

    def kill(message: Message) -> None:
        cluster.kill()
        raise Cut

    port = free_ports(1)[0]
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(port))
    sink = Controller(MailDirectory(tmp_path), LOOPBACK, port)
    sink.start()
    try:
        with wired(installation, Once(is_almost_done, kill)):
            planned_run.go()
    finally:
        sink.stop()
        cluster.start()
    assert planned_run.last_words.startswith("❌ The journal cannot be read, so nobody can say how this run ended.")
    assert "clear end.outcome" in planned_run.last_words
    (mail,) = read_mails(tmp_path)
    assert mail["Subject"] == "Nexus import FAILED: no verdict"
    assert installation.live() == before

    planned_run.clear("end.outcome").go()
    assert planned_run.named_task == "publish.publish_plan"
    assert planned_run.clear("publish.publish_plan").go().is_green
    assert installation.live(without_times=True) == published
