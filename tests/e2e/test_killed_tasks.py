"""One run whose task process is killed in every phase, in the publish and after its commit; each time it goes on."""

from __future__ import annotations

import os
import signal

import pytest

from local.watchdog import members
from tests.e2e.import_run import ImportRun
from tests.e2e.watching import held
from tests.e2e.world import World

pytestmark = pytest.mark.stack

STEP = "nexus_import.step"
PUBLICATION = "nexus_import.publication"
FETCH = "phase_0_validate.fetch_patients"
PUBLISH = "publish.publish_plan"
IN_EACH_PHASE = (
    "phase_0_validate.stage_records",
    "phase_1_preserve.copy_tables",
    "phase_2_delete.delete_patients",
    "phase_3_patients.import_patients",
    "phase_4_appointments.import_appointments",
    "phase_5_notes.import_notes",
    "phase_6_documents.relink_documents",
    "phase_7_images.relink_batches",
    "phase_8_validate.check_database",
    "publish.make_plan",
)


@pytest.fixture(scope="module")
def before(fresh: World) -> dict[str, str]:
    return fresh.live()


@pytest.fixture(scope="module")
def run(fresh: World, before: dict[str, str]) -> ImportRun:
    """The run of this story; each test kills a task of it, clears that task and leaves the run to the next test."""
    # FileMaker is asked for the patients once before they are fetched
    fresh.filemaker("POST", "faults", {"hold": {"API_Contacts": 1}})
    return fresh.start()


def test_1_killed_while_it_reads_filemaker(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    fresh.wait_until_filemaker_holds("API_Contacts")
    _kill(fresh, run, FETCH)
    fresh.filemaker("POST", "release", {})
    _is_red_and_names(run, FETCH)
    assert fresh.live() == before


@pytest.mark.parametrize("task_id", IN_EACH_PHASE)
def test_2_killed_in_its_transaction(fresh: World, run: ImportRun, before: dict[str, str], task_id: str) -> None:
    with held(fresh, STEP) as steps:
        run.clear(run.named_task())
        steps.wait_for(run, task_id)
        _kill(fresh, run, task_id)
        run.wait_for(task_id, "failed")
    _is_red_and_names(run, task_id)
    assert fresh.live() == before


def test_3_killed_in_the_publish(fresh: World, run: ImportRun, before: dict[str, str]) -> None:
    with held(fresh, PUBLICATION) as publications:
        run.clear(run.named_task())
        # here every row of the plan is written and only the marker is missing
        publications.wait_for(run, PUBLISH)
        _kill(fresh, run, PUBLISH)
        run.wait_for(PUBLISH, "failed")
    _is_red_and_names(run, PUBLISH)
    assert fresh.rows("SELECT count(*) FROM nexus_import.publication") == [(0,)]
    assert fresh.live() == before


def test_4_killed_after_the_commit_it_is_not_published_twice(
    fresh: World, run: ImportRun, before: dict[str, str]
) -> None:
    with held(fresh, STEP) as steps:
        run.clear(run.named_task())
        steps.wait_for(run, PUBLISH)
        _kill(fresh, run, PUBLISH)
        run.wait_for(PUBLISH, "failed")
    assert run.wait() == "failed"
    assert "Published but unverified" in run.last_words()
    after = fresh.live()
    assert after != before
    published = fresh.rows("SELECT run_id, plan_id, published_at FROM nexus_import.publication")
    assert len(published) == 1

    run.clear(run.named_task())
    assert run.wait() == "success", run.last_words()
    assert any("was published already" in line for line in run.log(PUBLISH))
    assert fresh.rows("SELECT run_id, plan_id, published_at FROM nexus_import.publication") == published
    assert fresh.live() == after
    truth = fresh.truth
    patients = dict(fresh.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id'), id::text FROM patients"))
    assert set(patients) == set(truth["patients"])
    assert {key: patients[key] for key, nexus in truth["patients"].items() if nexus} == {
        key: nexus for key, nexus in truth["patients"].items() if nexus
    }


def _kill(world: World, run: ImportRun, task_id: str) -> None:
    """Kill the process that runs the task's code, as the kernel does when memory is short."""
    process_id = run.tasks()[task_id]["pid"]
    airflow = world.stack.supervisor.running("airflow").pid
    assert process_id in members({airflow})
    os.kill(process_id, signal.SIGKILL)


def _is_red_and_names(run: ImportRun, task_id: str) -> None:
    assert run.wait() == "failed"
    assert run.named_task() == task_id, run.last_words()
