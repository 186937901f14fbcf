"""Mails of whole runs through a real mail server: once for each event, in text and HTML, with the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from nexus_import.phases.approving import remind

from local.mail import read_mails
from local.network import free_ports, is_listening
from local.nexus_database import REPOSITORY
from local.processes import Program, RunningProgram
from tests.support.installation import mail_connection
from tests.support.restore_runs import make_restore_run
from tests.support.runs import Run, load_dag

APPROVE = "publish.approve_plan"
SINK_SECONDS = 30


@pytest.fixture
def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[EmailMessage]]]:
    """Return a function that reads what the mail server of this test took."""
    port, directory = free_ports(1)[0], tmp_path / "mail"
    options = ("--port", str(port), "--directory", str(directory))
    program = Program("mail", (sys.executable, "-m", "local.mail", *options), tmp_path / "log", cwd=REPOSITORY)
    sink = RunningProgram(program)
    try:
        sink.wait_until(lambda: is_listening(port), SINK_SECONDS)
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(port))
        yield lambda: read_mails(directory)
    finally:
        sink.stop()


def subjects(mails: Callable[[], list[EmailMessage]]) -> list[str]:
    return [mail["Subject"].removeprefix("Nexus import ") for mail in mails()]


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def as_rest_shows(run: Run) -> dict[str, Any]:
    """What Airflow hands to the reminder."""
    shown = {"dag_id": run.dag.dag_id, "dag_run_id": run.run_id, "run_type": run.run_type, "conf": run.params}
    return {"dag_run": shown, "deadline": {}}


def test_nobody_is_mailed_twice_for_one_event(new_run: Any, mails: Callable[[], list[EmailMessage]]) -> None:
    run = new_run(mode="rehearse").go()
    assert run.is_green
    assert subjects(mails) == ["started (rehearse)", "rehearsed"]
    run.clear("end.outcome", downstream=False).go()
    assert subjects(mails) == ["started (rehearse)", "rehearsed"]
    run.clear("start.record_attempt", downstream=False).go()
    assert subjects(mails) == ["started (rehearse)", "rehearsed"]
    # another report is another end
    run.clear("end.write_report").go()
    assert subjects(mails) == ["started (rehearse)", "rehearsed", "rehearsed"]
    [report] = mails()[1].iter_attachments()
    assert report.get_filename() == "import-report.html"
    assert run.run_id in report.get_content()
    # only a server that took it has it: what it had refused goes out with the next try
    with run.installation.importer() as connection:
        connection.execute("DELETE FROM nexus_import.mail WHERE event = 'started'")
    run.clear("start.record_attempt", downstream=False).go()
    assert subjects(mails)[-1] == "started (rehearse)"


def test_a_person_is_reminded_once_while_the_question_waits(
    new_run: Any, mails: Callable[[], list[EmailMessage]]
) -> None:
    run = new_run(approval="always")
    run.go(until="publish.decide")
    remind(as_rest_shows(run))
    assert "still waits for approval" not in subjects(mails)
    task = run.dag.get_task(APPROVE)
    context_of(run, task, lambda context: task.ask(context))
    assert subjects(mails)[-1] == "waits for approval"
    assert "this run was started with approval: always" in text(mails()[-1])
    assert f"/tasks/{APPROVE}/required_actions" in text(mails()[-1])
    # asked once more without an answer, it is the same question
    context_of(run, task, lambda context: task.ask(context))
    assert subjects(mails).count("waits for approval") == 1
    remind(as_rest_shows(run))
    remind(as_rest_shows(run))
    assert subjects(mails).count("still waits for approval") == 1
    run.answer = "Reject"
    run.go()
    remind(as_rest_shows(run))
    assert subjects(mails)[-1] == "FAILED: rejected"
    assert "Rejected by admin. Live Nexus is unchanged." in text(mails()[-1])


def context_of(run: Run, task: Any, act: Callable[[Any], None]) -> None:
    """Do something as the task does it."""
    from airflow.sdk.execution_time.context import set_current_context

    run.tries.setdefault(task.task_id, 1)
    context = run._context(task)
    with set_current_context(context):  # type: ignore[arg-type]
        act(context)


def test_each_failure_is_mailed_with_what_to_do(new_run: Any, mails: Callable[[], list[EmailMessage]]) -> None:
    run = new_run(mode="rehearse", who="vera")
    run.go()
    assert subjects(mails) == ["FAILED: refused"]
    run.clear("start.record_attempt").go()
    assert subjects(mails) == ["FAILED: refused", "FAILED: refused"]
    said = text(mails()[0])
    assert "'vera' may not run the import: only admin may" in said
    assert "Next: Ask an operator to trigger the import." in said
    assert "Support: Nexus support, support@clinic.example. Send the address of the run" in said


def test_the_red_end_of_a_restore_is_mailed_once(installation: Any, mails: Callable[[], list[EmailMessage]]) -> None:
    run = make_restore_run(installation, load_dag("restore_backup"), backup="nobody/007").go()
    assert subjects(mails) == ["restore started", "restore FAILED: stopped"]
    for _ in range(2):
        run.clear("end.outcome", downstream=False).go()
        assert run.last_words
    assert subjects(mails) == ["restore started", "restore FAILED: stopped"]
    # the same again after another try is another end
    run.clear("backup.choose_backup").go()
    assert subjects(mails) == ["restore started", "restore FAILED: stopped", "restore FAILED: stopped"]
