"""A clinic whose patients are gone, and one that a publish spoilt: restore and undo as an operator asks for them.

In a real Airflow; started over REST, and from the form.
"""

from __future__ import annotations

import time
from typing import Any

import boto3
import psycopg
import pytest
from nexus_import.nexus.backup import next_attempt, record_backup, take_backup
from nexus_import.nexus.journal import create_journal
from nexus_import.nexus.session import SESSION_OPTIONS
from nexus_import.settings import read_policy
from nexus_import.storage import ObjectStore

from local.addresses import REGION
from local.airflow import ADMIN
from local.airflow_client import AirflowClientError
from tests.e2e.browser import logged_in
from tests.e2e.import_run import WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.test_gate_and_approval import PAUSE_BEFORE_AN_ANSWER_SECONDS
from tests.e2e.world import World
from tests.nexus.manual_run import ManualRun

pytestmark = pytest.mark.stack

APPROVE = "restore.approve_restore"
BACKUP_RUN = "manual__before-the-disaster"


class RestoreRun(ImportRun):
    """A run of the restore."""

    dag_id = "restore_backup"


@pytest.fixture(scope="module")
def before(fresh: World) -> dict[str, str]:
    """Back Nexus up as an import does, and return what it held."""
    places, policy = fresh.stack.addresses, read_policy()
    s3: Any = boto3.client(
        "s3",
        endpoint_url=places.s3_endpoint,
        aws_access_key_id=places.aws_access_key_id,
        aws_secret_access_key=places.aws_secret_access_key,
        region_name=REGION,
    )
    store = ObjectStore(s3, places.s3_bucket, policy.storage.prefix, policy.storage.encryption)
    with psycopg.connect(places.nexus_import_db_uri) as importer:
        create_journal(importer)
    with psycopg.connect(places.nexus_backup_db_uri, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            backup = take_backup(connection, store, BACKUP_RUN, next_attempt(connection, store, BACKUP_RUN), [])
    with psycopg.connect(places.nexus_import_db_uri) as importer:
        record_backup(importer, backup)
    return fresh.live()


@pytest.fixture(scope="module")
def damaged(fresh: World, before: dict[str, str]) -> dict[str, str]:
    """Empty what hangs on patients, and return what is left."""
    with fresh.connect() as connection:
        connection.execute("TRUNCATE patients, documents_document, images_batch CASCADE")
    return fresh.live()


@pytest.fixture(scope="module")
def run(fresh: World, damaged: dict[str, str]) -> RestoreRun:
    """The run of this story; each test goes on where the one before it ended."""
    client = fresh.client
    client.wait_for_dag(RestoreRun.dag_id)
    client.unpause(RestoreRun.dag_id)
    return RestoreRun(client, client.trigger(RestoreRun.dag_id, {"mode": "restore", "scope": "everything"}))


def test_1_a_person_is_asked_and_sees_what_would_change(fresh: World, run: RestoreRun, damaged: dict[str, str]) -> None:
    run.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    assert any(line.startswith(f"Backup: {BACKUP_RUN}/001  ") for line in run.log("backup.choose_backup"))
    counts = run.xcoms()["compare.compare_with_live", "return_value"]
    assert (counts["added_count"], counts["changed_count"]) == (0, 0)
    assert counts["removed_count"] > fresh.truth["counts"]["filemaker"]["API_Contacts"]
    mail = fresh.mails(run)["Nexus import restore waits for approval"]
    assert "removed since, would come back" in mail
    with pytest.raises(AirflowClientError) as refused:
        fresh.viewer.answer(run.dag_id, run.run_id, APPROVE, ["Approve"])
    assert refused.value.status == 403
    assert fresh.live() == damaged


def test_2_approved_it_is_put_back_and_verified(fresh: World, run: RestoreRun, before: dict[str, str]) -> None:
    time.sleep(PAUSE_BEFORE_AN_ANSWER_SECONDS)
    run.client.answer(run.dag_id, run.run_id, APPROVE, ["Approve"])
    assert run.wait() == "success", run.last_words()
    assert run.last_words().startswith("✅ Restored and verified. Total time: ")
    assert fresh.live() == before
    assert fresh.rows("SELECT answered_by FROM nexus_import.approval WHERE run_id = %s", run.run_id) == [("admin",)]
    assert fresh.rows("SELECT run_id, state FROM nexus_import.restore_run") == [(run.run_id, "restored")]
    assert set(fresh.mails(run)) == {
        "Nexus import restore started",
        "Nexus import restore waits for approval",
        "Nexus import restore: restored",
    }


def test_3_no_personal_value_is_in_logs_xcoms_or_mails(fresh: World, run: RestoreRun) -> None:
    texts = {
        "task logs": fresh.task_logs(run),
        "xcoms": str(run.xcoms()),
        "mails": "\n".join(fresh.mails(run).values()),
    }
    assert all(texts.values())
    found = {name: len(fresh.personal_values(text)) for name, text in texts.items()}
    assert found == dict.fromkeys(texts, 0)


@pytest.fixture(scope="module")
def publish_run(fresh: World, run: RestoreRun) -> str:
    """Let an import publish the titles of two patients; return its run."""
    with psycopg.connect(
        fresh.stack.addresses.nexus_import_db_uri, autocommit=True, options=SESSION_OPTIONS
    ) as connection:
        published = ManualRun(None, connection)  # type: ignore[arg-type]  # all it needs here is the connection
        published.copy()
        published.work(
            "UPDATE nexus_work.patients SET title = 'Sir' WHERE id = ANY(%s)", [patient for (patient,) in two(fresh)]
        )
        published.plan()
        published.publish()
    return published.run_id


def two(fresh: World) -> list[tuple[Any]]:
    return fresh.rows("SELECT id FROM patients ORDER BY id LIMIT 2")


@pytest.fixture(scope="module")
def edited(fresh: World, publish_run: str) -> str:
    """Let staff write something about one of the two; return the patient's id."""
    (patient,) = two(fresh)[0]
    with fresh.connect() as connection:
        connection.execute("UPDATE patients SET notes = 'called' WHERE id = %s", [patient])
    return str(patient)


@pytest.mark.browser
def test_4_a_person_rehearses_the_undo_from_the_form(fresh: World, publish_run: str, edited: str) -> None:
    before = fresh.live()
    places = fresh.stack.addresses
    known = {run["dag_run_id"] for run in fresh.client.runs(RestoreRun.dag_id)}
    with logged_in(places.airflow_url, ADMIN, places.airflow_password) as page:
        page.goto(f"{places.airflow_url}/dags/{RestoreRun.dag_id}")
        page.get_by_role("button", name="Trigger").first.click()
        page.locator("#element_undo").fill("newest")
        with page.expect_response(lambda answer: answer.url.endswith("/dagRuns") and answer.ok):
            page.locator("[role=dialog]").get_by_role("button", name="Trigger").click()
    [started] = [run for run in fresh.client.runs(RestoreRun.dag_id) if run["dag_run_id"] not in known]
    assert (started["conf"]["undo"], started["conf"]["mode"]) == ("newest", "rehearse")
    rehearsal = RestoreRun(fresh.client, started["dag_run_id"])
    assert rehearsal.wait() == "success", rehearsal.last_words()
    assert rehearsal.last_words().startswith(
        f"✅ Rehearsed: the undo of the publish of run {publish_run} would put 1 rows back and leave 1 alone"
    )
    assert fresh.live() == before


@pytest.fixture(scope="module")
def undo(fresh: World, edited: str) -> RestoreRun:
    """The run that undoes the publish."""
    return RestoreRun(fresh.client, fresh.client.trigger(RestoreRun.dag_id, {"mode": "restore", "undo": "newest"}))


def test_5_a_person_is_asked_and_sees_what_would_be_left_alone(
    fresh: World, undo: RestoreRun, publish_run: str, edited: str
) -> None:
    undo.wait_for(APPROVE, *WAITING_FOR_A_PERSON)
    listed = undo.log("backup.choose_backup")
    assert any(line.startswith(f"Backup: {BACKUP_RUN}/001  ") for line in listed)
    assert any(line.startswith(f"Publish: {publish_run}  ") and "(can be undone)" in line for line in listed)
    left = f"Left alone: patients {edited}: changed since the publish"
    assert left in undo.log("compare.compare_with_live")
    assert left in fresh.mails(undo)["Nexus import undo waits for approval"]
    [asked] = fresh.client.request("GET", f"{undo.path}/hitlDetails")["hitl_details"]
    assert asked["subject"] == "Undo this publish in live Nexus?"
    assert "| patients | 0 | 1 | 0 | 1 |" in asked["body"]


def test_6_approved_it_is_undone_and_what_staff_wrote_stays(
    fresh: World, undo: RestoreRun, publish_run: str, edited: str, before: dict[str, str]
) -> None:
    time.sleep(PAUSE_BEFORE_AN_ANSWER_SECONDS)
    undo.client.answer(undo.dag_id, undo.run_id, APPROVE, ["Approve"])
    assert undo.wait() == "success", undo.last_words()
    done = f"✅ Undone and verified: the publish of run {publish_run}, 1 rows put back, 1 left alone. Total time: "
    assert undo.last_words().startswith(done)
    assert {table for table, rows in fresh.live().items() if rows != before[table]} == {"patients"}
    assert fresh.rows("SELECT notes FROM patients WHERE title = 'Sir'") == [("called",)]
    assert fresh.rows("SELECT undone_by FROM nexus_import.publication") == [("admin",)]
    assert "Nexus import restore: undone" in fresh.mails(undo)


def test_7_done_and_cleared_again_it_says_the_same(fresh: World, undo: RestoreRun) -> None:
    after = fresh.live()
    undo.clear("restore.restore_tables")
    assert undo.wait() == "success", undo.last_words()
    assert undo.last_words().startswith("✅ Undone and verified: ")
    assert any("1 rows was undone already" in line for line in undo.log("restore.restore_tables"))
    assert fresh.live() == after
    assert fresh.personal_values(fresh.task_logs(undo)) == []
