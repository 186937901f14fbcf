"""Who may do what in a deployment, tried over REST by an account of each role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from local.airflow_client import AirflowClient
from tests.deployment.deployment import PASSWORD, TIMEOUT_SECONDS, Deployment
from tests.e2e.import_run import ImportRun

pytestmark = pytest.mark.stack

DAG = "api/v2/dags/filemaker_import"
RUN = f"{DAG}/dagRuns/no-such-run"
TASK = f"{RUN}/taskInstances/publish.approve_plan"
REPORTS = "nexus/"
REPORT = f"{REPORTS}dags/filemaker_import/runs/no-such-run"
REFUSED = (401, 403)


@dataclass(frozen=True)
class Act:
    """What somebody tries. Where it is allowed it comes to nothing: the run, or what is asked for, does not exist."""

    what: str
    who: str  # letters of COLUMNS: who may
    method: str
    path: str
    body: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)


# V: Viewer, U: User, O: Op, I: Import Admin, A: Admin. Nobody who is not logged in may do anything.
COLUMNS = {"V": "Viewer", "U": "User", "O": "Op", "I": "Import Admin", "A": "Admin"}
ALL = "VUOIA"
TRIGGER = {"logical_date": None, "conf": {"mode": "no such mode"}}
CLEAR = {"dag_run_id": "no-such-run", "task_ids": ["end.outcome"], "dry_run": True}
CONNECTION = {"connection_id": "nexus_db", "conn_type": "postgres", "description": "Nexus"}
POOL = {"name": "filemaker", "pool": "filemaker", "slots": 3, "description": "", "include_deferred": False}
ACTS = (
    Act("trigger the import", "IA", "POST", f"{DAG}/dagRuns", TRIGGER),
    Act("clear tasks", "IA", "POST", f"{DAG}/clearTaskInstances", CLEAR),
    Act("clear a run", "IA", "POST", f"{RUN}/clear", {"dry_run": True}),
    Act("approve", "IA", "PATCH", f"{TASK}/-1/hitlDetails", {"chosen_options": ["Approve"], "params_input": {}}),
    Act("mark a task as success", "IA", "PATCH", TASK, {"new_state": "success"}),
    Act("mark a run as success", "IA", "PATCH", RUN, {"state": "success"}),
    Act("pause the import", "IA", "PATCH", DAG, {"is_paused": False}),
    Act("delete a run", "A", "DELETE", RUN),
    Act("delete a DAG", "A", "DELETE", "api/v2/dags/no_such_dag"),
    Act("trigger the restore", "A", "POST", "api/v2/dags/restore_backup/dagRuns", TRIGGER),
    Act("clear a restore", "A", "POST", "api/v2/dags/restore_backup/clearTaskInstances", CLEAR),
    Act("edit what a task left", "A", "PATCH", f"{TASK}/xcomEntries/return_value", {"value": "1"}),
    Act("read a connection", "A", "GET", "api/v2/connections/nexus_db"),
    Act("edit a connection", "A", "PATCH", "api/v2/connections/nexus_db", CONNECTION, {"update_mask": "description"}),
    Act("edit a pool", "A", "PATCH", "api/v2/pools/filemaker", POOL, {"update_mask": "description"}),
    Act("edit a variable", "A", "PATCH", "api/v2/variables/no-such", {"key": "no-such", "value": "1"}),
    Act("make an account", "A", "POST", "auth/fab/v1/users", {}),
    Act("read Airflow's settings", "", "GET", "api/v2/config"),  # [api] expose_config is off
    Act("read who did what", "IA", "GET", "api/v2/eventLogs", parameters={"dag_id": "filemaker_import"}),
    Act("read the import", ALL, "GET", DAG),
    Act("read a run", ALL, "GET", RUN),
    Act("read a task's log", ALL, "GET", f"{TASK}/logs/1"),
    Act("read what a task left", ALL, "GET", f"{TASK}/xcomEntries/return_value"),
    Act("read what is asked", ALL, "GET", f"{TASK}/-1/hitlDetails"),
    Act("read the list of reports", ALL, "GET", REPORTS),
    Act("read a report", ALL, "GET", REPORT),
    Act("read findings", ALL, "GET", f"{REPORT}/findings"),
    Act("download findings", ALL, "GET", f"{REPORT}/findings.csv"),
    Act("read the ids of a plan", ALL, "GET", f"{REPORT}/plan/patients/change"),
)
# What FAB gives the roles User and Op when nobody takes it away.
UNMENDED = {
    "U": ("trigger the import", "clear tasks", "approve", "mark a task as success", "pause the import", "delete a run",
          "trigger the restore"),
    "O": ("trigger the import", "clear tasks", "approve", "mark a task as success", "edit what a task left",
          "read a connection", "edit a connection", "edit a pool", "edit a variable"),
}  # fmt: skip


@pytest.fixture(scope="module")
def accounts(deployment: Deployment) -> dict[str, dict[str, str]]:
    """The headers of an account of each role, by the role's letter; the Import Admin is one of the operators."""
    made = {
        letter: deployment.add_account(f"{role.lower().replace(' ', '.')}.account", role)
        for letter, role in COLUMNS.items()
        if letter in "VUO"
    }
    return made | {"I": deployment.import_admin(), "A": deployment.headers(*deployment.admin)}


def try_to(deployment: Deployment, act: Act, headers: Mapping[str, str]) -> int:
    """Return the status with which Airflow answers an attempt."""
    answer = requests.request(
        act.method,
        f"{deployment.url}/{act.path}",
        headers=dict(headers),
        json=act.body,
        params=dict(act.parameters),
        timeout=TIMEOUT_SECONDS,
    )
    return answer.status_code


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.what)
def test_1_each_role_may_do_this_and_no_more(
    deployment: Deployment, accounts: dict[str, dict[str, str]], act: Act
) -> None:
    answers = {letter: try_to(deployment, act, headers) for letter, headers in accounts.items()}
    assert {letter for letter, status in answers.items() if status not in REFUSED} == set(act.who), answers
    # nobody who was let in met an error of the server's
    assert max(answers.values()) < 500, answers
    assert try_to(deployment, act, {}) == 401


def test_2_airflow_itself_would_let_more_people_act(deployment: Deployment) -> None:
    """What `airflow sync-perm` gives back, as each start would with `update_fab_perms`; and the preparation takes."""
    acts = {act.what: act for act in ACTS}
    done = deployment.services.run("prepare", "airflow", "sync-perm")
    assert done.returncode == 0, done.stderr
    for letter, allowed in UNMENDED.items():
        # new accounts: the API server remembers for half a minute what older ones may do
        headers = deployment.add_account(f"unmended.{letter.lower()}", COLUMNS[letter])
        answers = {what: try_to(deployment, acts[what], headers) for what in allowed}
        assert [what for what, status in answers.items() if status in REFUSED] == [], answers
    _refused_by_the_run_itself(deployment)

    done = deployment.services.run("prepare", "python", "-m", "deploy.prepare")
    assert done.returncode == 0, done.stderr
    for letter in UNMENDED:
        headers = deployment.add_account(f"mended.{letter.lower()}", COLUMNS[letter])
        answers = {act.what: try_to(deployment, act, headers) for act in ACTS if letter not in act.who}
        assert {what for what, status in answers.items() if status not in REFUSED} == set(), answers


def _refused_by_the_run_itself(deployment: Deployment) -> None:
    """Even then somebody who is no operator gets a red run that did nothing: its first task knows the names."""
    stranger = AirflowClient(deployment.url, "unmended.u", PASSWORD)
    run = ImportRun(stranger, stranger.trigger("filemaker_import", {"mode": "publish"}))
    assert run.wait() == "failed"
    assert "'unmended.u' may not run the import" in "\n".join(run.log("start.record_attempt"))
    assert deployment.rows("SELECT count(*) FROM nexus_import.run WHERE run_id = %s", run.run_id) == [(0,)]
