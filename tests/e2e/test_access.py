"""Who may do what: a viewer looks, an operator acts, anybody else is refused and written down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from local.airflow_client import AirflowClient, AirflowClientError
from tests.e2e.import_run import APPROVE, DAG_ID, ImportRun
from tests.e2e.world import World

pytestmark = pytest.mark.stack

STRANGER = "somebody.else"
COMMAND_SECONDS = 120


@pytest.fixture(scope="module")
def before(fresh: World) -> dict[str, str]:
    return fresh.live()


@pytest.fixture(scope="module")
def refused(fresh: World, before: dict[str, str]) -> ImportRun:
    """A run that somebody with a shell on the host triggered: Airflow writes down the name of the shell's user."""
    command = (sys.executable, "-m", "airflow", "dags", "trigger", DAG_ID, "--output", "json")
    environment = fresh.stack.airflow_environment() | {"LOGNAME": STRANGER, "USER": STRANGER}
    done = subprocess.run(
        [*command, "--conf", json.dumps({"mode": "publish"})],
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = ImportRun(fresh.client, fresh.client.runs(DAG_ID)[0]["dag_run_id"])
    assert run.wait() == "failed"
    return run


def test_who_is_no_operator_is_refused_with_a_sentence_and_recorded(
    fresh: World, refused: ImportRun, before: dict[str, str]
) -> None:
    assert fresh.client.run(DAG_ID, refused.run_id)["triggering_user_name"] == STRANGER
    sentence = f"'{STRANGER}' may not run the import: only admin may"
    assert any(sentence in line for line in refused.log("start.record_attempt"))
    assert "Ask an operator to trigger the import" in refused.last_words()
    attempts = fresh.rows(
        "SELECT requested_by, refused_because FROM nexus_import.attempt WHERE run_id = %s", refused.run_id
    )
    assert [(who, why.startswith(sentence)) for who, why in attempts] == [(STRANGER, True)]
    assert fresh.rows("SELECT count(*) FROM nexus_import.run WHERE run_id = %s", refused.run_id) == [(0,)]
    states = {task["state"] for name, task in refused.tasks().items() if name.startswith("phase_")}
    assert states <= {"upstream_failed", "skipped"}
    assert fresh.live() == before


@pytest.mark.parametrize(
    "act",
    [
        lambda viewer, run: viewer.trigger(DAG_ID, {"mode": "publish"}),
        lambda viewer, run: viewer.clear(DAG_ID, run.run_id, ["end.outcome"]),
        lambda viewer, run: viewer.set_task_state(DAG_ID, run.run_id, "publish.publish_plan", "success"),
        lambda viewer, run: viewer.answer(DAG_ID, run.run_id, APPROVE, ["Approve"]),
        lambda viewer, run: viewer.unpause(DAG_ID, paused=True),
    ],
    ids=["trigger", "clear", "mark", "approve", "pause"],
)
def test_a_viewer_may_not_act(
    fresh: World, refused: ImportRun, act: Callable[[AirflowClient, ImportRun], object]
) -> None:
    run_count = len(fresh.client.runs(DAG_ID))
    with pytest.raises(AirflowClientError) as error:
        act(fresh.viewer, refused)
    assert error.value.status == 403
    assert len(fresh.client.runs(DAG_ID)) == run_count


def test_a_viewer_may_look(fresh: World, refused: ImportRun) -> None:
    assert fresh.viewer.run(DAG_ID, refused.run_id)["state"] == "failed"
    assert fresh.viewer.logs(DAG_ID, refused.run_id, "end.outcome")
