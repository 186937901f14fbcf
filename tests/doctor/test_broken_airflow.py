"""The written decisions and Airflow itself are broken in turn: exactly their line turns, and names what to do."""

from __future__ import annotations

import pytest

from tests.doctor.deployment import Deployment
from tests.doctor.test_broken_outside import only

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
FAB_TABLES = ("user", "role", "user_role", "user_group", "group_role")


def test_policy_that_is_wrong_is_all_that_is_said(deployment: Deployment) -> None:
    deployment.change_policy("  removed_percent: 1", "  removed_percent: -1")
    line = only(deployment.turned(), "policy")
    assert "removed_percent" in line.seen


def test_mapping_that_is_wrong_is_named_and_what_needs_it_is_not_looked_at(deployment: Deployment) -> None:
    deployment.change_file("mapping/note.yaml", "table: notes", "tabel: notes")
    line = only(deployment.turned(), "mapping files")
    assert "note.yaml line" in line.seen


@pytest.mark.parametrize(
    ("cron", "mark", "says"),
    [
        ("0 1 * *", "❌", "is no cron expression"),
        ("30 2 * * 0", "⚠", "02:30 does not exist"),
        ("0 12 * * 6", "⚠", "outside the publish window"),
    ],
)
def test_schedule_that_would_surprise_is_named(deployment: Deployment, cron: str, mark: str, says: str) -> None:
    deployment.change_policy('cron: "0 1 * * 6"', f'cron: "{cron}"')
    assert says in only(deployment.turned(), "schedule", mark).seen


CHANGES = [
    (
        "ALTER TABLE slot_pool RENAME TO x",
        "ALTER TABLE x RENAME TO slot_pool",
        "Airflow's database",
        "airflow db migrate",
    ),
    ("UPDATE dag SET is_stale = 1", "UPDATE dag SET is_stale = 0", "DAG", "DAG processor"),
    ("UPDATE dag SET has_import_errors = 1", "UPDATE dag SET has_import_errors = 0", "DAG", "list-import-errors"),
    (
        "UPDATE slot_pool SET pool = 'x'",
        "UPDATE slot_pool SET pool = 'filemaker'",
        "pool",
        "airflow pools set filemaker",
    ),
    ("UPDATE slot_pool SET slots = 0", "UPDATE slot_pool SET slots = 3", "pool", "airflow pools set filemaker"),
]


@pytest.mark.parametrize(("statement", "mend", "name", "fix"), CHANGES, ids=lambda value: value.partition(" SET ")[2])
def test_what_airflow_does_not_know_is_named(
    deployment: Deployment, statement: str, mend: str, name: str, fix: str
) -> None:
    with deployment.airflow_says(statement, mend):
        turned = deployment.turned()
    assert fix in only(turned, name).fix


def test_paused_dag_is_a_warning(deployment: Deployment) -> None:
    with deployment.airflow_says("UPDATE dag SET is_paused = 1", "UPDATE dag SET is_paused = 0"):
        turned = deployment.turned()
    assert only(turned, "DAG", "⚠").fix == "airflow dags unpause filemaker_import"


@pytest.mark.parametrize(
    ("operators", "says"), [("[bob]", "no active user bob"), ("[admin, vera]", "vera may only look")]
)
def test_operator_who_could_not_operate_is_named(deployment: Deployment, operators: str, says: str) -> None:
    deployment.change_policy("operators: [admin]", f"operators: {operators}")
    assert says in only(deployment.turned(), "operators").seen


def test_operators_of_fab_are_looked_up_with_their_roles(deployment: Deployment) -> None:
    deployment.set_variable("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    users = (
        "CREATE TABLE ab_user (id integer, username text, active boolean);"
        "CREATE TABLE ab_role (id integer, name text);"
        "CREATE TABLE ab_user_role (user_id integer, role_id integer);"
        "CREATE TABLE ab_user_group (user_id integer, group_id integer);"
        "CREATE TABLE ab_group_role (group_id integer, role_id integer);"
        "INSERT INTO ab_user_group VALUES (4, 9);"
        "INSERT INTO ab_group_role VALUES (9, 1);"
        "INSERT INTO ab_user VALUES (1, 'admin', true), (2, 'gone', false), (3, 'vera', true), (4, 'gina', true);"
        "INSERT INTO ab_role VALUES (1, 'Import Admin'), (2, 'Viewer');"
        "INSERT INTO ab_user_role VALUES (1, 1), (2, 1), (3, 2)"
    )
    with deployment.airflow_says(users, "; ".join(f"DROP TABLE ab_{name}" for name in FAB_TABLES)):
        deployment.change_policy("operators: [admin]", "operators: [admin, gina]")
        assert deployment.turned() == []
        deployment.change_policy("operators: [admin, gina]", "operators: [admin, gone]")
        assert "no active user gone" in only(deployment.turned(), "operators").seen
        deployment.change_policy("operators: [admin, gone]", "operators: [admin, vera]")
        assert "vera may only look" in only(deployment.turned(), "operators").seen


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AIRFLOW__CORE__FERNET_KEY", "", "[core] fernet_key"),
        ("AIRFLOW__CORE__FERNET_KEY", "long enough and no key of Fernet", "[core] fernet_key"),
        ("AIRFLOW__API__SECRET_KEY", "brief", "[api] secret_key"),
        ("AIRFLOW__API_AUTH__JWT_SECRET", "temporary_key", "[api_auth] jwt_secret"),
    ],
)
def test_secret_that_is_none_is_named_and_not_shown(deployment: Deployment, name: str, value: str, said: str) -> None:
    deployment.set_variable(name, value)
    line = only(deployment.turned(), "secrets")
    assert said in line.seen
    assert not value or value not in line.seen


@pytest.mark.parametrize(
    ("name", "value", "mark"),
    [
        ("AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS", "False", "❌"),
        ("AIRFLOW__API__EXPOSE_CONFIG", "True", "❌"),
        ("AIRFLOW__CORE__PARALLELISM", "1", "❌"),
        ("AIRFLOW__API__BASE_URL", "http://localhost:8080", "⚠"),
        ("AIRFLOW__LOGGING__REMOTE_LOGGING", "True", "❌"),
    ],
)
def test_setting_that_matters_is_named(deployment: Deployment, name: str, value: str, mark: str) -> None:
    deployment.set_variable(name, value)
    line = only(deployment.turned(), "Airflow's settings", mark)
    assert "AIRFLOW__" in line.fix
