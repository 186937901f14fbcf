"""Two runs in each other's way: none uses or destroys what belongs to the other, and says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.network import LOOPBACK, free_ports

COPY = "phase_1_preserve.copy_tables"
READ_AGAIN = "phase_0_validate.verify_filemaker"


@pytest.fixture
def overtaken(new_run: Any) -> Any:
    """A run with a plan, whose staging area another run has taken since."""
    run = new_run().go(until="publish.decide")
    new_run().go(until="phase_0_validate.stage_records")
    return run


def test_plan_is_not_published_on_another_runs_records(installation: Any, overtaken: Any) -> None:
    before = installation.live()
    overtaken.go()
    assert "staged FileMaker records belong to run" in str(overtaken.errors["publish.publish_plan"])
    assert f"Clear {READ_AGAIN} with downstream." in overtaken.last_words
    assert installation.live() == before
    assert installation.rows("SELECT * FROM nexus_import.published_row") == []


def test_cleared_copy_of_an_overtaken_run_leaves_the_working_copy_alone(installation: Any, overtaken: Any) -> None:
    owner = "SELECT run_id, copy_number FROM nexus_work.stamp"
    before = installation.rows(owner)
    overtaken.clear(COPY).go()
    assert "staged FileMaker records belong to run" in str(overtaken.errors[COPY])
    assert f"Clear {READ_AGAIN} with downstream." in overtaken.last_words
    assert installation.rows(owner) == before


def test_publish_that_committed_is_recognised_although_the_copy_and_s3_are_gone(
    installation: Any, new_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run().go()
    assert run.is_green
    changes = run.results["publish.publish_plan"]
    new_run("rehearse").go(until="publish.decide")
    connection = "AIRFLOW_CONN_NEXUS_S3"
    away = f"http://{LOOPBACK}:{free_ports(1)[0]}"
    monkeypatch.setenv(connection, installation.environment()[connection].replace(installation.parts.s3_url, away))
    before = installation.live()
    run.clear("publish.publish_plan").go(until="publish.verify_live")
    assert run.results["publish.publish_plan"] == changes
    assert run.results["publish.verify_live"]["verified_count"] == changes["change_count"]
    assert installation.live() == before


def test_patient_that_goes_after_the_plan_is_not_given_documents(installation: Any, new_run: Any) -> None:
    run = new_run().go(until="publish.decide")
    document, patient = installation.rows(
        "SELECT document.id, document.object_id FROM nexus_work.documents_document AS document"
        " JOIN nexus_import.plan_row AS planned ON planned.row_id = document.id"
        " WHERE NOT EXISTS (SELECT FROM nexus_import.plan_row AS other WHERE other.row_id = document.object_id) LIMIT 1"
    )[0]
    with installation.database.cluster.connect(installation.database.database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM patients WHERE id = %s", (patient,))
    before = installation.live()
    run.go()
    assert f"documents_document {document} (its patient has gone)" in str(run.errors["publish.publish_plan"])
    assert f"Clear {COPY} with downstream." in run.last_words
    assert installation.live() == before


def test_notes_that_old_imports_stored_with_other_line_ends_are_adopted(installation: Any, new_run: Any) -> None:
    new = sum(1 for note in installation.truth["notes"].values() if note["nexus_id"] is None)
    installation.execute(r"UPDATE notes SET content = replace(content, E'\n', E'\r') || E'\n'")
    run = new_run("rehearse").go(until="publish.make_plan")
    added = installation.value(
        "SELECT count(*) FROM nexus_import.plan_row JOIN nexus_import.plan USING (plan_id)"
        " WHERE run_id = %s AND table_name = 'notes' AND action = 'add'",
        run.run_id,
    )
    assert added == new


def test_note_that_was_edited_in_nexus_stays_when_its_record_goes(installation: Any, new_run: Any) -> None:
    assert new_run().go().is_green
    identity = "SELECT filemaker_id, nexus_id FROM nexus_import.identity WHERE entity = 'note' ORDER BY filemaker_id"
    (kept_record, kept_row), (gone_record, gone_row) = installation.rows(identity)[:2]
    installation.execute("UPDATE notes SET content = content || ' added in Nexus' WHERE id = %s", kept_row)
    layout = json.loads((installation.parts.clinic / "filemaker" / "API_Notes.json").read_text())
    records = {record["fieldData"]["id"].lower(): record["recordId"] for record in layout["records"]}
    for record in (kept_record, gone_record):
        installation.simulator.control.delete_record("API_Notes", records[record])
    run = new_run().go()
    assert run.is_green
    assert installation.value("SELECT count(*) FROM notes WHERE id = %s", kept_row) == 1
    assert installation.value("SELECT count(*) FROM notes WHERE id = %s", gone_row) == 0
    assert {row[1] for row in run.findings("phase_2/vanished_notes")} == {kept_record, gone_record}


def test_cascade_of_what_only_nexus_has_asks_a_person(new_run: Any) -> None:
    run = new_run(nexus_only="delete").go(until="publish.decide")
    assert run.results["publish.decide"] == "publish.approve_plan"
