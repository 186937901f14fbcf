"""The restore's DAG as Airflow parses it."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from nexus_import.core import restore_verdict
from nexus_import.settings import RestoreParameters, read_policy

from tests.support.runs import DAGS, load_dag

ORDER = [
    "start.record_attempt",
    "backup.choose_backup",
    "backup.verify_checksums",
    "compare.compare_with_live",
    "compare.decide",
    "restore.approve_restore",
    "restore.restore_tables",
    "restore.verify_live",
    "end.outcome",
]


@pytest.fixture(scope="module")
def restore_dag() -> Any:
    return load_dag("restore_backup")


def test_every_task_waits_for_all_before_it(restore_dag: Any) -> None:
    assert [task.task_id for task in restore_dag.topological_sort()] == ORDER
    for number, task_id in enumerate(ORDER):
        before = {task.task_id for task in restore_dag.get_task(task_id).get_flat_relatives(upstream=True)}
        assert before == set(ORDER[:number])


def test_nothing_softens_its_trigger_rule(restore_dag: Any) -> None:
    assert {task.trigger_rule for task in restore_dag.tasks if not task.is_teardown} == {"all_success"}
    assert restore_dag.get_task("compare.decide").ignore_downstream_trigger_rules is True
    assert restore_dag.get_task("restore.approve_restore").ignore_downstream_trigger_rules is True


def test_outcome_alone_decides_the_colour_of_the_run(restore_dag: Any) -> None:
    assert {task.task_id for task in restore_dag.tasks if task.is_teardown} == {"end.outcome"}
    assert restore_dag.get_task("end.outcome").on_failure_fail_dagrun is True


def test_one_run_at_a_time_started_by_a_person(restore_dag: Any) -> None:
    assert restore_dag.max_active_runs == 1
    assert restore_dag.is_paused_upon_creation is True
    assert restore_dag.catchup is False
    assert restore_dag.timetable.can_be_scheduled is False
    assert {str(getattr(kind, "value", kind)) for kind in restore_dag.allowed_run_types} == {"manual"}
    assert {task.retries for task in restore_dag.tasks} == {0}


def test_question_waits_as_long_as_the_policy_says(restore_dag: Any) -> None:
    waits = restore_dag.get_task("restore.approve_restore").response_timeout
    assert waits.total_seconds() == read_policy().approval_timeout_hours * 3600


def test_form_explains_every_choice_and_defaults_to_the_harmless_one(restore_dag: Any) -> None:
    assert {name: restore_dag.params[name] for name in restore_dag.params} == RestoreParameters().model_dump()
    for name in restore_dag.params:
        param = restore_dag.params.get_param(name)
        assert param.schema["title"]
        assert param.description
        for choice in param.schema.get("enum", []):
            assert f"{choice}:" in param.description
            RestoreParameters.load({name: choice})


def test_runbook_is_the_dags_documentation(restore_dag: Any) -> None:
    source = ast.parse((DAGS / "restore_backup.py").read_text())
    assert restore_dag.doc_md == ast.get_docstring(source, clean=False)
    assert "When it is red" in restore_dag.doc_md


def test_task_to_clear_is_in_the_dag(restore_dag: Any) -> None:
    named = {value for name, value in vars(restore_verdict).items() if name.endswith("_TASK")}
    assert len(named) == 5
    assert all(restore_dag.has_task(task_id) for task_id in named)
