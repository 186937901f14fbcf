"""Celery for real: two workers share the import's tasks and FileMaker's sessions, and one of them is killed in it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from local.airflow_client import AirflowClient
from local.watchdog import members, signal_all
from tests.deployment.deployment import IMPORT_ADMIN, PASSWORD, Deployment
from tests.e2e.import_run import APPROVE, DAG_ID, ImportRun
from tests.e2e.test_killed_tasks import IN_EACH_PHASE
from tests.e2e.watching import held
from tests.e2e.world import DEFAULTS

pytestmark = pytest.mark.stack

SLOTS = 3
PATIENTS = "API_Contacts"
FETCHES_AT_ONCE = {PATIENTS: "fetch_patients", "API_Appointments": "fetch_appointments", "API_Notes": "fetch_notes"}
FETCH = "phase_0_validate.fetch_patients"
STEP = "nexus_import.step"
WAIT_SECONDS = 120.0
# answers within this time of the question can be lost, see docs/deployment.md
THOUGHT_SECONDS = 4.0


@pytest.fixture(scope="module")
def importer(deployment: Deployment) -> AirflowClient:
    """The account with the role Import Admin, which is all that these runs are started and cleared with."""
    deployment.import_admin()
    return AirflowClient(deployment.url, IMPORT_ADMIN, PASSWORD)


@pytest.fixture(scope="module")
def before(deployment: Deployment) -> dict[str, str]:
    deployment.keep_beginning()
    return deployment.live()


@pytest.fixture(scope="module")
def run(deployment: Deployment, importer: AirflowClient, before: dict[str, str]) -> ImportRun:
    """A run of which FileMaker holds up the first fetches: each layout is asked once before it is fetched."""
    deployment.filemaker("POST", "faults", {"hold": dict.fromkeys(FETCHES_AT_ONCE, 1)})
    return ImportRun(importer, importer.trigger(DAG_ID, DEFAULTS | {"approval": "always"}))


def test_1_both_workers_fetch_and_the_pool_bounds_filemakers_sessions(deployment: Deployment, run: ImportRun) -> None:
    for layout in FETCHES_AT_ONCE:
        deployment.wait_until_filemaker_holds(layout)
    wait_until(lambda: len(running_fetches(run)) == SLOTS, "as many fetches as the pool has slots")
    fetches = running_fetches(run)
    # the others are there, and wait for a slot, not for a worker: each has room for two
    waiting = [task for task in run.tasks().values() if ".fetch_" in task["task_id"] and task["state"] == "scheduled"]
    assert len(waiting) > 0
    assert {task["pool"] for task in waiting} == {"filemaker"}
    assert set(fetches) == {f"phase_0_validate.{name}" for name in FETCHES_AT_ONCE.values()}
    assert set(fetches.values()) == set(deployment.services.replicas("worker"))
    assert deployment.filemaker("GET", "state")["sessions_open"] <= SLOTS


def test_2_a_worker_that_is_killed_makes_a_red_run_that_names_the_task(
    deployment: Deployment, run: ImportRun, before: dict[str, str]
) -> None:
    for layout in FETCHES_AT_ONCE.keys() - {PATIENTS}:
        deployment.filemaker("POST", "release", {"layout": layout})
    wait_until(lambda: fetched(run) == "all but the patients", "the other fetches")
    worker = running_fetches(run)[FETCH]
    kill(deployment, worker)
    deployment.filemaker("POST", "release", {})
    assert run.wait() == "failed"
    assert run.named_task() == FETCH, run.last_words()
    assert deployment.live() == before


def test_3_cleared_it_ends_with_a_correct_import(
    deployment: Deployment, run: ImportRun, before: dict[str, str]
) -> None:
    wait_until(lambda: all(map(deployment.services.is_healthy, deployment.services.replicas("worker"))), "both workers")
    run.clear(run.named_task())
    run.wait_for(APPROVE, "awaiting_input", "deferred")
    time.sleep(THOUGHT_SECONDS)
    run.client.answer(DAG_ID, run.run_id, APPROVE, ["Approve"])
    assert run.wait() == "success", run.last_words()
    is_as_filemaker_says(deployment, before)
    for act in ("trigger_dag_run", "post_clear_task_instances", "update_hitl_detail"):
        events = run.client.request("GET", "eventLogs", params={"dag_id": DAG_ID, "event": act})["event_logs"]
        assert IMPORT_ADMIN in {event["owner"] for event in events}, act


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("task_id", [*IN_EACH_PHASE, "publish.publish_plan"])
def test_4_a_worker_that_is_killed_in_each_phase(
    deployment: Deployment, importer: AirflowClient, before: dict[str, str], task_id: str
) -> None:
    deployment.reset()
    run = ImportRun(importer, importer.trigger(DAG_ID, DEFAULTS))
    # the last task of the publish writes its step after its commit
    run.wait_for("start.record_attempt", "success")
    with held(deployment, STEP) as steps:
        steps.wait_for(run, task_id)
        kill(deployment, str(run.tasks()[task_id]["hostname"]))
        run.wait_for(task_id, "failed")
    assert run.wait() == "failed"
    if task_id != "publish.publish_plan":
        assert run.named_task() == task_id, run.last_words()
        assert deployment.live() == before
    wait_until(lambda: all(map(deployment.services.is_healthy, deployment.services.replicas("worker"))), "both workers")
    run.clear(run.named_task())
    assert run.wait() == "success", run.last_words()
    is_as_filemaker_says(deployment, before)


def running_fetches(run: ImportRun) -> dict[str, str]:
    """Return the worker of each fetch that runs now, by task id."""
    tasks = run.tasks()
    return {name: task["hostname"] for name, task in tasks.items() if ".fetch_" in name and task["state"] == "running"}


def fetched(run: ImportRun) -> str:
    """Say which fetches have ended."""
    states = {name: task["state"] for name, task in run.tasks().items() if ".fetch_" in name}
    left = {name for name, state in states.items() if state != "success"}
    return "all but the patients" if left == {FETCH} else f"without {sorted(left)}"


def kill(deployment: Deployment, worker: str) -> None:
    """Kill everything of a worker at once, as an engine does with a container that takes too much memory."""
    process = deployment.services.supervisor.running(worker).pid
    signal_all(members({process}), 9)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS:.0f} s for {what}"
        time.sleep(0.5)


def is_as_filemaker_says(deployment: Deployment, before: dict[str, str]) -> None:
    """Compare Nexus with the truth about the clinic: every patient once, with the id it had if it had one."""
    patients = deployment.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id'), id::text FROM patients")
    born = [(key, row) for key, row in patients if key]
    truth = deployment.truth["patients"]
    assert sorted(key for key, _ in born) == sorted(truth)
    assert {key: dict(born)[key] for key, row in truth.items() if row} == {
        key: row for key, row in truth.items() if row
    }
    assert deployment.live() != before
    assert len(deployment.rows("SELECT 1 FROM nexus_import.publication")) == 1
