"""A clinic whose patients are gone: the restore as an operator starts and approves it, in a real Airflow."""

from __future__ import annotations

import time
from typing import Any

import boto3
import psycopg
import pytest
from nexus_import.nexus.backup import next_attempt, record_backup, take_backup
from nexus_import.nexus.journal import create_journal
from nexus_import.settings import read_policy
from nexus_import.storage import ObjectStore

from local.addresses import REGION
from local.airflow_client import AirflowClientError
from tests.e2e.import_run import WAITING_FOR_A_PERSON, ImportRun
from tests.e2e.test_gate_and_approval import PAUSE_BEFORE_AN_ANSWER_SECONDS
from tests.e2e.world import World

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
