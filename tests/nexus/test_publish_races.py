"""Staff write while the publish is at work, and commit before it does: nothing of theirs is lost or left behind."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from nexus_import.errors import PublishRefused
from nexus_import.nexus import locking
from nexus_import.nexus import publish as publishing
from nexus_import.nexus.publish import Publication

from tests.nexus.live_rows import add_document
from tests.nexus.lost_rows import add_like
from tests.nexus.manual_run import GONE, STAYS, ManualRun

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The publish waits as long as it takes: how long it really does is tests/faults/test_locks_of_others.py."""
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (60_000,))


def publish_against(run: ManualRun, statement: str, *values: Any) -> Publication | Exception:
    """Publish while a statement of staff is not committed yet; it is when the publish waits for it, or has ended."""
    outcome: list[Publication | Exception] = []

    def publish() -> None:
        try:
            outcome.append(run.publish())
        except PublishRefused as error:
            outcome.append(error)

    publisher = threading.Thread(target=publish)
    database = run.installation.database
    with run.installation.owner() as staff, database.cluster.connect(database.database) as watcher:
        staff.execute("BEGIN")
        staff.execute(statement.encode(), values)
        publisher.start()
        while publisher.is_alive() and not watcher.execute(WAITING).fetchall()[0][0]:
            publisher.join(0.01)
        staff.execute("COMMIT")
        publisher.join(60)
    return outcome[0]


@pytest.mark.parametrize("rule", ["ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE NO ACTION"])
def test_row_that_refers_to_a_removed_one_and_is_committed_meanwhile_refuses(run: ManualRun, rule: str) -> None:
    photo = str(uuid.uuid4())
    run.installation.execute(f"CREATE TABLE photos (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients {rule})")
    run.copy()
    run.edit()
    run.plan()
    outcome = publish_against(run, "INSERT INTO photos VALUES (%s, %s)", photo, GONE)
    assert f"photos {photo} (refers to a row of patients that the plan removes)" in str(outcome)
    assert run.installation.rows("SELECT id::text, patient_id::text FROM photos") == [(photo, GONE)]
    assert run.installation.value("SELECT count(*) FROM patients WHERE id = %s", GONE) == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [("sent_emails", "related_patient_id"), ("xero_sync_logs", "local_entity_id"), ("django_admin_log", "object_id")],
)
def test_id_that_an_untouched_table_gets_meanwhile_refuses(run: ManualRun, table: str, column: str) -> None:
    row = add_like(run.installation, table)
    run.edit()
    run.plan()
    statement = f"UPDATE {table} SET {column} = %s WHERE id::text = %s"
    if table == "django_admin_log":
        number = run.installation.value("SELECT id FROM django_content_type WHERE model = 'patient'")
        statement = statement.replace(" WHERE", f", content_type_id = {number} WHERE")
    outcome = publish_against(run, statement, GONE, row)
    assert f"{table} {row} (refers to a row of patients that the plan removes)" in str(outcome)
    assert run.installation.value("SELECT count(*) FROM patients WHERE id = %s", GONE) == 1


def test_table_that_the_database_was_not_told_to_hold_is_named(
    run: ManualRun, caplog: pytest.LogCaptureFixture
) -> None:
    """A Nexus whose grants.sql is of an earlier time publishes all the same."""
    run.edit()
    run.plan()
    run.connection.execute("DROP FUNCTION nexus_import.hold_still")
    run.publish()
    assert "Table sent_emails is not held still: add it to hold_still in include/sql/grants.sql" in caplog.text


def test_id_that_comes_into_a_table_that_is_not_held_still_is_seen_before_the_commit(
    run: ManualRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.edit()
    run.plan()
    run.connection.execute("DROP FUNCTION nexus_import.hold_still")
    apply = publishing.apply_difference

    def write_an_email_after(*arguments: Any) -> Any:
        applied = apply(*arguments)
        add_like(run.installation, "sent_emails", related_patient_id=GONE)
        return applied

    monkeypatch.setattr(publishing, "apply_difference", write_an_email_after)
    with pytest.raises(PublishRefused, match=r"sent_emails .* \(refers to a row of patients that the plan removes"):
        run.publish()
    assert run.installation.value("SELECT count(*) FROM patients WHERE id = %s", GONE) == 1


def test_patient_that_goes_while_a_document_is_linked_to_him_refuses(run: ManualRun) -> None:
    """No patient is in the plan: only the lock on their table tells the publish that one is being deleted."""
    document = add_document(run.installation, STAYS)
    run.copy()
    run.work("UPDATE nexus_work.documents_document SET object_id = %s WHERE id = %s", GONE, document)
    plan = run.plan()
    assert {table for table, counts in plan.counts.items() if any(counts.values())} == {"documents_document"}
    outcome = publish_against(run, "DELETE FROM patients WHERE id = %s", GONE)
    assert f"documents_document {document} (its patient has gone)" in str(outcome)
    assert run.installation.value("SELECT object_id::text FROM documents_document WHERE id = %s", document) == STAYS
