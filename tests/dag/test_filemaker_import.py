"""The DAG as Airflow parses it: its phases, gates and edges, and what it does while it is parsed."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.entities import FETCHES
from nexus_import.core.sequence import PLAN, SEQUENCE
from nexus_import.settings import read_policy

from tests.support.runs import DAGS, load_dag

PHASES = [
    "phase_0_validate",
    "phase_1_preserve",
    "phase_2_delete",
    "phase_3_patients",
    "phase_4_appointments",
    "phase_5_notes",
    "phase_6_documents",
    "phase_7_images",
    "phase_8_validate",
]
GROUPS = ["start", *PHASES, "publish", "end"]
GATES = [f"{phase}.gate" for phase in PHASES if phase != "phase_1_preserve"]
PHASE_FILES = sorted((DAGS.parent / "plugins" / "nexus_import" / "phases").glob("*.py"))
WATCHER = """
import os, socket, sys, psycopg, requests, boto3
def refuse(*arguments, **named):
    raise AssertionError("something was opened while the DAG was parsed")
for owner, name in ((socket.socket, "connect"), (socket, "create_connection"), (psycopg.Connection, "connect"),
                    (requests.Session, "request"), (boto3, "client")):
    setattr(owner, name, refuse)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert bag.import_errors == {}, bag.import_errors
assert "filemaker_import" in bag.dags
"""


def group_of(task_id: str) -> str:
    return task_id.split(".")[0]


def test_folder_parses_without_errors_and_opens_nothing(tmp_path: Path) -> None:
    """In a process of its own, with every way to a network or a database closed."""
    run = subprocess.run(
        [sys.executable, "-c", WATCHER, str(DAGS)], capture_output=True, text=True, cwd=DAGS.parent, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]


def test_phases_stand_in_the_order_of_the_requirement(dag: Any) -> None:
    order = list(dict.fromkeys(group_of(task.task_id) for task in dag.topological_sort()))
    assert [group for group in order if group not in {"publish", "end"}] == GROUPS[:-2]
    assert set(order) == set(GROUPS)


def test_every_edge_leads_on(dag: Any) -> None:
    backwards = [
        (task.task_id, follower)
        for task in dag.tasks
        for follower in task.downstream_task_ids
        if GROUPS.index(group_of(follower)) < GROUPS.index(group_of(task.task_id))
    ]
    assert backwards == []


@pytest.mark.parametrize(("phase", "next_phase"), list(pairwise(GROUPS)))
def test_every_task_of_a_phase_waits_for_the_whole_phase_before(dag: Any, phase: str, next_phase: str) -> None:
    before = {task.task_id for task in dag.tasks if group_of(task.task_id) == phase}
    for task in dag.tasks:
        if group_of(task.task_id) == next_phase:
            assert before <= {upstream.task_id for upstream in task.get_flat_relatives(upstream=True)}


@pytest.mark.parametrize("gate", GATES)
def test_gate_ends_its_phase_and_stops_all_that_follows(dag: Any, gate: str) -> None:
    task = dag.get_task(gate)
    assert task.ignore_downstream_trigger_rules is True
    followers = {follower.task_id for follower in task.get_flat_relatives(upstream=False)}
    assert {group_of(follower) for follower in followers} == set(GROUPS[GROUPS.index(group_of(gate)) + 1 :])
    inside = {other.task_id for other in dag.tasks if group_of(other.task_id) == group_of(gate)} - {gate}
    assert inside <= {upstream.task_id for upstream in task.get_flat_relatives(upstream=True)}


def test_start_stops_all_that_follows_too(dag: Any) -> None:
    assert dag.get_task("start.record_attempt").ignore_downstream_trigger_rules is True


def test_phase_without_records_is_skipped_alone(dag: Any) -> None:
    assert dag.get_task("phase_5_notes.find_records").ignore_downstream_trigger_rules is False
    assert dag.get_task("phase_6_documents.relink_documents").trigger_rule == "none_failed"
    inside = [task for task in dag.tasks if group_of(task.task_id) == "phase_5_notes"]
    assert {task.trigger_rule for task in inside} == {"all_success"}


def test_publish_runs_after_an_approval_or_without_one(dag: Any) -> None:
    publish = dag.get_task("publish.publish_plan")
    assert publish.trigger_rule == "none_failed_min_one_success"
    assert publish.upstream_task_ids == {"publish.decide", "publish.approve_plan"}
    assert dag.get_task("publish.approve_plan").ignore_downstream_trigger_rules is True


def test_nothing_else_softens_its_trigger_rule(dag: Any) -> None:
    soft = {task.task_id for task in dag.tasks if task.trigger_rule != "all_success" and not task.is_teardown}
    assert soft == {"phase_6_documents.relink_documents", "publish.publish_plan"}


def test_outcome_alone_decides_the_colour_of_the_run(dag: Any) -> None:
    outcome, report = dag.get_task("end.outcome"), dag.get_task("end.write_report")
    assert outcome.is_teardown
    assert report.is_teardown
    assert outcome.on_failure_fail_dagrun is True
    assert report.on_failure_fail_dagrun is False
    assert {task.task_id for task in dag.tasks if task.is_teardown} == {
        "end.remove_old",
        "end.outcome",
        "end.write_report",
    }


def test_nothing_is_retried_by_the_scheduler(dag: Any) -> None:
    assert {task.retries for task in dag.tasks} == {0}


def test_one_run_at_a_time_started_by_a_person_or_the_schedule(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.is_paused_upon_creation is True
    assert dag.catchup is False
    assert {str(getattr(kind, "value", kind)) for kind in dag.allowed_run_types} == {"manual", "scheduled"}


def test_schedule_is_the_policys(dag: Any) -> None:
    policy = read_policy()
    assert dag.timetable.expression == policy.schedule.cron
    assert str(getattr(dag.timetable.timezone, "name", dag.timetable.timezone)) == policy.time_zone


def test_form_explains_every_choice_and_defaults_to_the_harmless_one(dag: Any) -> None:
    defaults = {"mode": "rehearse", "approval": "when_unusual", "nexus_only": "keep", "configuration": "default"}
    assert {name: dag.params[name] for name in dag.params} == defaults
    for name in defaults:
        param = dag.params.get_param(name)
        assert param.schema["title"]
        # the form comes up with what every run is asked; the rest is behind a title
        assert ("section" in param.schema) == (name in {"nexus_only", "configuration"})
        shown = param.schema.get("values_display", {})
        assert all(choice in shown or f"{choice}:" in param.description for choice in param.schema["enum"])
        assert defaults[name] in param.schema["enum"]


def test_runbook_is_the_dags_documentation(dag: Any) -> None:
    source = ast.parse((DAGS / "filemaker_import.py").read_text())
    assert dag.doc_md == ast.get_docstring(source, clean=False)
    assert "When it is red" in dag.doc_md


def test_filemaker_is_read_within_its_pool(dag: Any) -> None:
    pooled = {task.task_id.split(".")[1] for task in dag.tasks if task.pool == "filemaker"}
    assert pooled == {"verify_filemaker", *FETCHES}


@pytest.mark.parametrize("task_id", sorted({step.clear for step in (*SEQUENCE, PLAN)}))
def test_task_to_clear_is_in_the_dag(dag: Any, task_id: str) -> None:
    assert dag.has_task(task_id)


def test_every_step_of_the_sequence_is_written_by_some_task() -> None:
    """A step is named by the first argument of `open_step` or `begin_step`, or of its gate."""
    written = set()
    for path in PHASE_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in {"open_step", "begin_step", "make_gate"} and isinstance(first, ast.Constant):
                    written.add(first.value)
    assert {step.name for step in (*SEQUENCE, PLAN)} <= written


def test_every_check_task_stands_before_its_gate_in_the_sequence(dag: Any) -> None:
    names = [step.name for step in SEQUENCE]
    for number in (2, 3, 4, 6, 7, 8):
        assert names.index(f"check_{number}") < names.index(f"gate_{number}")
    assert len(GATES) == len([name for name in names if name.startswith("gate_")])


@pytest.mark.parametrize("dag_id", ["filemaker_import", "restore_backup"])
def test_every_task_says_what_it_does_and_whether_it_may_be_cleared(dag_id: str) -> None:
    dag = load_dag(dag_id)
    silent = [task.task_id for task in dag.tasks if "lear" not in (task.doc_md or "")]
    assert silent == []
    # indented text is shown as code
    indented = [task.task_id for task in dag.tasks if "\n    " in (task.doc_md or "")]
    assert indented == []
    assert [group for group in dag.task_group.get_task_group_dict() if group and not _tooltip(dag, group)] == []


def _tooltip(dag: Any, group: str) -> str:
    text: str = dag.task_group.get_task_group_dict()[group].tooltip
    return text


def test_only_the_proof_after_the_publish_tells_other_dags(dag: Any) -> None:
    telling = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert telling == {"publish.verify_live": ["nexus_imported"]}


def test_a_waiting_question_is_mentioned_once_more(dag: Any) -> None:
    [alert] = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    assert alert.interval.total_seconds() == read_policy().approval_reminder_hours * 3600
    assert alert.callback.path == "nexus_import.phases.approving.remind"
    # a run with a deadline by DAGRUN_QUEUED_AT cannot be cleared: HTTP 500 (Airflow 3.3.2)
    assert type(alert.reference).__name__ == "DagRunLogicalDateDeadline"
