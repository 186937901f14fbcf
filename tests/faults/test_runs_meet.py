"""Runs in each other's way, and tasks that are cleared when their time is over."""

from __future__ import annotations

from typing import Any

from tests.support.copies import CopyRun
from tests.support.installation import Installation
from tests.support.runs import Run
from tests.support.task_processes import TaskProcess, go

READ_AGAIN = "phase_0_validate.verify_filemaker"
PUBLISH = "publish.publish_plan"
AT_WORK_ON_THE_COPY = (
    "phase_0_validate.check_completeness",
    "phase_1_preserve.copy_tables",
    "phase_2_delete.delete_patients",
    "phase_3_patients.import_patients",
    "phase_4_appointments.import_appointments",
    "phase_5_notes.import_notes",
    "phase_6_documents.relink_documents",
    "phase_7_images.relink_batches",
    "phase_8_validate.check_database",
    "phase_8_validate.check_files",
    "publish.make_plan",
    PUBLISH,
)
OWNERS = "SELECT (SELECT run_id FROM nexus_staging.stamp), (SELECT run_id FROM nexus_work.stamp)"


def test_two_runs_at_the_same_time(installation: Installation, new_run: Any, clinic_published: dict[str, str]) -> None:
    """Airflow starts one run at a time; two Airflows, or a hand, can start two all the same."""
    before = installation.live()
    environment = installation.environment()
    processes = [TaskProcess(new_run(), environment).start() for _ in range(2)]
    runs = [process.wait().run for process in processes]
    published = installation.value("SELECT count(*) FROM nexus_import.publication")
    assert installation.live(without_times=True) == clinic_published if published else installation.live() == before
    for run in runs:
        assert run.is_green or "Live Nexus is unchanged" in run.last_words
        for task, error in run.errors.items():
            assert task == "end.outcome" or "belong" in str(error), error
    for run in runs:
        while not run.is_green:
            go(run.clear(run.named_task), environment)
    assert installation.live(without_times=True) == clinic_published
    # who came second found nothing left to do
    counts = sorted(run.results["publish.make_plan"]["added_count"] for run in runs)
    assert counts[0] == 0 < counts[1]


def test_task_of_an_old_run_that_is_cleared_after_a_newer_run(planned_run: Run, new_run_beside: Any) -> None:
    installation = planned_run.installation
    newer = new_run_beside(planned_run).go()
    assert newer.is_green
    before, owners = installation.live(), installation.rows(OWNERS)
    assert owners == [(newer.run_id, newer.run_id)]
    for task in AT_WORK_ON_THE_COPY:
        planned_run.clear(task, downstream=False).go(until=task)
        assert planned_run.states[task] == "failed", task
        assert "belong" in str(planned_run.errors[task]), task
        assert f"Clear {READ_AGAIN}" in str(planned_run.errors[task]), task
        assert installation.live() == before, task
        assert installation.rows(OWNERS) == owners, task
        planned_run.states[task] = "success"  # so that the next one is tried, too
    # as it says: with records and a copy of its own it finds that nothing is left to do
    planned_run.clear(READ_AGAIN).go()
    assert planned_run.is_green
    assert planned_run.results["publish.publish_plan"] == {"change_count": 0}
    assert installation.live() == before


def test_phase_0_that_is_cleared_after_the_publish(copy_run: CopyRun) -> None:
    with copy_run() as run:
        installation = run.installation
        assert run.go().is_green
        assert run.results[PUBLISH]["change_count"] > 0
        after = installation.live()
        run.clear("phase_0_validate.back_up_database").go()
        assert run.is_green, run.last_words
        assert run.results[PUBLISH] == {"change_count": 0}
        assert installation.live() == after
