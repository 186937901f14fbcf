"""One run that a gate stops, that nobody can push past it, that outlives Airflow, and that a person answers twice."""

from __future__ import annotations

import time

import pytest

from local.airflow_client import AirflowClientError
from tests.e2e.import_run import APPROVE, DAG_ID, WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.world import POLL_SECONDS, World

pytestmark = pytest.mark.stack

GATE = "phase_0_validate.gate"
FIX_FILEMAKER = "phase_0_validate.verify_filemaker"
# an answer within seconds of the question can fail the task that asks it (Airflow 3.3.2)
PAUSE_BEFORE_AN_ANSWER_SECONDS = 8.0
BACK_SECONDS = 240.0
CLEARINGS = 3


@pytest.fixture(scope="module")
def before(fresh: World) -> dict[str, str]:
    return fresh.live()


@pytest.fixture(scope="module")
def patient(fresh: World) -> dict[str, str]:
    """The patient whose clinic somebody emptied in FileMaker."""
    record: dict[str, str] = fresh.filemaker_records("API_Contacts")[3]
    fresh.filemaker("PATCH", f"layouts/API_Contacts/records/{record['recordId']}", {"fieldData": {"clinic_name": ""}})
    return record


@pytest.fixture(scope="module")
def run(fresh: World, before: dict[str, str], patient: dict[str, str]) -> ImportRun:
    """The run of this story; each test goes on where the one before it ended."""
    return fresh.start(approval="always")


def test_1_the_gate_stops_the_run_and_the_verdict_names_what_to_clear(
    fresh: World, run: ImportRun, before: dict[str, str], patient: dict[str, str]
) -> None:
    assert run.wait() == "failed"
    assert run.named_task() == FIX_FILEMAKER
    assert "phase_0/patients_have_clinic_name" in run.last_words()
    tasks = run.tasks()
    assert tasks[GATE]["state"] == "success"
    assert tasks["phase_1_preserve.copy_tables"]["state"] == "skipped"
    assert fresh.rows(
        "SELECT record_id FROM nexus_import.finding WHERE run_id = %s AND severity = 'stop'", run.run_id
    ) == [(patient["recordId"],)]
    assert any(subject.startswith("Nexus import FAILED") for subject in fresh.mails(run))
    assert fresh.live() == before


def test_2_clearing_as_rest_does_by_default_leaves_it_red(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    run.clear_as_rest_does(FIX_FILEMAKER)
    assert run.wait() == "failed"
    run.clear_as_rest_does(FIX_FILEMAKER, include_downstream=True)
    assert run.wait() == "failed"
    assert run.named_task() == FIX_FILEMAKER
    run.clear_as_rest_does(FIX_FILEMAKER, only_failed=False)
    assert run.wait() == "failed"
    assert fresh.live() == before


def test_3_marking_tasks_as_success_by_hand_publishes_nothing_and_stays_red(
    fresh: World, run: ImportRun, before: dict[str, str]
) -> None:
    # a gate that stops is a success to Airflow already, and skips what follows
    for task_id in ("phase_1_preserve.copy_tables", "publish.publish_plan", "publish.verify_live", "end.outcome"):
        run.mark_success(task_id)
    run.wait()
    run.client.clear(DAG_ID, run.run_id, ["end.outcome"])
    assert run.wait() == "failed"
    assert run.named_task() == FIX_FILEMAKER
    # past the gate: Airflow remembers what the gate skipped, and the journal knows that it did not pass
    run.clear("phase_1_preserve.copy_tables")
    assert run.wait() == "failed"
    assert run.tasks()["publish.publish_plan"]["try_number"] == 0
    assert run.named_task() == FIX_FILEMAKER
    assert fresh.rows("SELECT count(*) FROM nexus_import.publication") == [(0,)]
    assert fresh.live() == before


def test_4_airflows_own_database_crashes_while_filemaker_is_read_again(
    fresh: World, run: ImportRun, before: dict[str, str], patient: dict[str, dict[str, str]]
) -> None:
    clinic = patient["fieldData"]["clinic_name"]
    path = f"layouts/API_Contacts/records/{patient['recordId']}"
    fresh.filemaker("PATCH", path, {"fieldData": {"clinic_name": clinic}})
    fresh.filemaker("POST", "faults", {"hold": {"API_Contacts": 1}})
    run.clear(run.named_task())
    fresh.wait_until_filemaker_holds("API_Contacts")
    assert fresh.stack.metadata is not None
    fresh.stack.metadata.crash()
    fresh.filemaker("POST", "release", {})
    _wait_until_airflow_is_back(fresh)
    # a task that lost its Airflow may fail; the verdict then names what to clear
    for _ in range(CLEARINGS):
        if _asks_or_has_failed(run):
            break
        run.clear(run.named_task())
    assert fresh.live() == before


def test_5_mended_and_cleared_as_told_it_goes_on_and_asks_a_person(
    fresh: World, run: ImportRun, before: dict[str, str]
) -> None:
    run.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    assert "Nexus import waits for approval" in fresh.mails(run)
    _assert_shows_the_plan(fresh, run)
    with pytest.raises(AirflowClientError) as refused:
        fresh.viewer.answer(DAG_ID, run.run_id, APPROVE, ["Approve"])
    assert refused.value.status == 403
    assert fresh.live() == before


def test_6_a_rejected_plan_is_not_published(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    _answer(run, "Reject")
    assert run.wait() == "failed"
    assert "Rejected by admin" in run.last_words()
    assert run.named_task() == "publish.make_plan"
    assert run.tasks()["publish.publish_plan"]["state"] == "skipped"
    assert fresh.live() == before


def test_7_an_approval_marked_as_success_by_hand_is_none(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    run.clear(run.named_task())
    run.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    run.mark_success(APPROVE)
    assert run.wait() == "failed"
    assert run.tasks()["publish.publish_plan"]["state"] == "failed"
    assert any("needs the approval of an operator and has none" in line for line in run.log("publish.publish_plan"))
    assert fresh.live() == before


def test_8_airflow_is_killed_while_the_question_waits(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    run.clear("publish.make_plan")
    run.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    supervisor = fresh.stack.supervisor
    restarts = supervisor.restart_count("airflow")
    supervisor.running("airflow").kill()
    _wait_until_airflow_is_back(fresh)
    assert supervisor.restart_count("airflow") == restarts + 1
    assert run.tasks()[APPROVE]["state"] in WAITING_FOR_A_PERSON
    assert fresh.live() == before


def test_9_an_approved_plan_is_published_and_the_journal_knows_who_said_so(fresh: World, run: ImportRun) -> None:
    _answer(run, "Approve")
    assert run.wait() == "success", run.last_words()
    assert fresh.rows(
        "SELECT approval.answer, approval.answered_by, approval.plan_digest = publication.plan_digest"
        " FROM nexus_import.approval JOIN nexus_import.publication USING (run_id)"
        " WHERE run_id = %s ORDER BY approval_id DESC LIMIT 1",
        run.run_id,
    ) == [("Approve", "admin", True)]
    expected = fresh.truth["counts"]["filemaker"]["API_Contacts"]
    assert fresh.rows("SELECT count(*) FROM patients") == [(expected,)]


def _assert_shows_the_plan(fresh: World, run: ImportRun) -> None:
    question = run.question(APPROVE)
    counts = "SELECT counts FROM nexus_import.plan WHERE run_id = %s ORDER BY plan_id DESC LIMIT 1"
    for table, planned in fresh.rows(counts, run.run_id)[0][0].items():
        shown = f"| {table} | {planned['add']:,} | {planned['change']:,} | {planned['remove']:,} |"
        assert (shown in question) == any(planned.values())
    assert "**Changed values**" in question
    assert "- this run was started with approval: always" in question


def _answer(run: ImportRun, option: str) -> None:
    time.sleep(PAUSE_BEFORE_AN_ANSWER_SECONDS)
    run.client.answer(DAG_ID, run.run_id, APPROVE, [option])


def _wait_until_airflow_is_back(world: World) -> None:
    """Wait until every part of Airflow answers again."""
    deadline = time.monotonic() + BACK_SECONDS
    while not world.client.is_healthy():
        assert time.monotonic() < deadline, "Airflow did not come back"
        time.sleep(POLL_SECONDS)


def _asks_or_has_failed(run: ImportRun) -> bool:
    """Wait until the run asks a person or has failed; tell whether it asks."""
    while run.client.task_state(DAG_ID, run.run_id, APPROVE) not in WAITING_FOR_A_PERSON:
        if run.client.run(DAG_ID, run.run_id)["state"] in {"failed", "success"}:
            return False
        # the suite's own time-out ends a wait in vain
        time.sleep(POLL_SECONDS)
    return True
