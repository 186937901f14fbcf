"""The whole run: everything a clinic may rely on after an import was published, seen in live Nexus itself."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.settings import read_policy
from psycopg import sql

from tests.e2e.import_run import ImportRun
from tests.e2e.watching import Reader, reading
from tests.e2e.world import World
from tests.support.workbooks import text_of

pytestmark = pytest.mark.stack

PATIENT_OF_ROW = {
    "notes": "patient_id",
    "letters_patientletter": "patient_id",
    "reminders": "patient_id",
    "sms_messages": "patient_id",
    "sms_inbound": "patient_id",
    "encounters": "patient_id",
    "patient_referrers": "patient_id",
    "patient_coordinators": "patient_id",
    "contact_relationships": "from_object_id",
    "sent_emails": "related_patient_id",
    "django_admin_log": "object_id",
    "xero_contact_links": "patient_id",
    "xero_invoice_links": "patient_id",
    "xero_quote_links": "patient_id",
    "xero_sync_logs": "local_entity_id",
    "documents_document": "object_id",
    "images_batch": "object_id",
}
APPOINTMENT_OF_ROW = {
    "reminders": "appointment_id",
    "sms_messages": "appointment_id",
    "encounters": "appointment_id",
    "sent_emails": "related_appointment_id",
    "xero_invoice_links": "appointment_id",
    "xero_quote_links": "appointment_id",
}
NOT_COUNTS = {"start.record_attempt", "phase_5_notes.find_records", "publish.decide", "end.outcome"}
LINES = (
    r"Phase 0: ✅ FileMaker connection successful: 7 layouts readable, 0 errors \(",
    r"Phase 0: ✅ Backed up \d+ tables with [\d,]+ rows",
    r"Phase 0: ✅ All checks passed",
    r"Phase 1: ✅ Preserved \d+ tables",
    r"Phase 2: Deleting existing patients",
    r"Phase 2: ✅ Deleted [\d,]+ patients, 0 errors \(",
    r"Phase 3: Importing patients from FileMaker\.\.\.",
    r"Phase 3: ✅ Imported [\d,]+ patients, 0 errors \(\d",
    r"Phase 4: ✅ Imported [\d,]+ appointments, 0 errors \(\d",
    r"Phase 5: ✅ ",
    r"Phase 6: ✅ Re-linked [\d,]+ documents \([\d,]+ links repaired\), 0 errors \(\d",
    r"Phase 7: ✅ Re-linked [\d,]+ image batches \([\d,]+ links repaired\), 0 errors \(\d",
    r"Phase 8: ✅ All checks passed",
    r"Publish: ✅ [\d,]+ changes, published in one transaction",
    r"✅ Published and verified\. Total time: [\d.]+ ",
)


@dataclass
class Published:
    """A run that was published, what live Nexus held before and holds after it, and what a reader saw meanwhile."""

    world: World
    run: ImportRun
    state: str
    before: dict[str, str]
    after: dict[str, str]
    reader: Reader

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.world.rows(query, *values)


@pytest.fixture(scope="module")
def published(fresh: World) -> Published:
    before = fresh.live()
    with reading(fresh) as reader:
        run = fresh.start()
        state = run.wait()
    return Published(fresh, run, state, before, fresh.live(), reader)


@pytest.fixture(scope="module")
def filemaker_ids(published: Published) -> dict[str, str]:
    """FileMaker id by the Nexus id of each patient."""
    return dict(published.rows("SELECT id::text, upper(filemaker_metadata ->> 'filemaker_id') FROM patients"))


@pytest.fixture(scope="module")
def xcoms(published: Published) -> dict[tuple[str, str], Any]:
    """Every value the tasks left for each other."""
    return published.run.xcoms()


def test_the_run_is_green_and_every_row_counts_once(published: Published) -> None:
    assert published.state == "success", published.run.last_words()
    counts = published.world.truth["counts"]["filemaker"]
    assert published.rows("SELECT count(*) FROM patients") == [(counts["API_Contacts"],)]
    assert published.rows(
        "SELECT count(*), count(DISTINCT upper(filemaker_event_id::text)) FROM appointments"
        " WHERE filemaker_event_id IS NOT NULL"
    ) == [(counts["API_Appointments"], counts["API_Appointments"])]
    # the kept rows that were made in Nexus come on top; documents, images and batches are never more or fewer
    for table in ("documents_document", "images_image", "images_batch"):
        assert published.after[table].split(":")[0] == published.before[table].split(":")[0]


def test_patients_and_appointments_keep_their_nexus_ids(published: Published, filemaker_ids: dict[str, str]) -> None:
    truth = published.world.truth
    assert set(filemaker_ids.values()) == set(truth["patients"])
    known = {nexus: filemaker for filemaker, nexus in truth["patients"].items() if nexus}
    assert {nexus: filemaker_ids[nexus] for nexus in known} == known
    appointments = dict(published.rows("SELECT upper(filemaker_event_id::text), id::text FROM appointments"))
    kept = {filemaker: nexus for filemaker, nexus in truth["appointments"].items() if nexus}
    assert {filemaker: appointments[filemaker] for filemaker in kept} == kept
    assert set(appointments) - {None} == set(truth["appointments"])


def test_every_appointment_has_an_end_and_what_it_refers_to(published: Published) -> None:
    assert published.rows(
        "SELECT count(*) FROM appointments WHERE end_time IS NULL OR end_time <= start_time"
        " OR patient_id IS NULL OR clinic_id IS NULL OR clinician_id IS NULL OR appointment_type_id IS NULL"
    ) == [(0,)]
    assert published.rows("SELECT count(*) FROM patients WHERE clinic_id IS NULL") == [(0,)]


@pytest.mark.parametrize(("table", "truth"), [("documents_document", "documents"), ("images_batch", "batches")])
def test_files_belong_to_the_right_patient_who_exists(
    published: Published, filemaker_ids: dict[str, str], table: str, truth: str
) -> None:
    linked = published.rows(
        f"SELECT file.id::text, file.object_id::text FROM {table} AS file"
        " JOIN django_content_type AS kind ON kind.id = file.content_type_id AND kind.model = 'patient'"
    )
    assert {row: filemaker_ids.get(patient) for row, patient in linked} == published.world.truth[truth]


def test_what_was_made_in_nexus_is_kept_on_its_patient_and_appointment(
    published: Published, filemaker_ids: dict[str, str]
) -> None:
    truth = published.world.truth
    # a new table in the clinic needs its column here
    assert set(truth["nexus_rows"]) <= set(PATIENT_OF_ROW)
    assert set(truth["nexus_row_appointments"]) <= set(APPOINTMENT_OF_ROW)
    for table, expected in truth["nexus_rows"].items():
        found = dict(published.rows(f"SELECT id::text, {PATIENT_OF_ROW[table]}::text FROM {table}"))
        assert {row: filemaker_ids.get(found.get(row, "")) for row in expected} == expected, table
    appointments = dict(published.rows("SELECT id::text, upper(filemaker_event_id::text) FROM appointments"))
    for table, expected in truth["nexus_row_appointments"].items():
        found = dict(published.rows(f"SELECT id::text, {APPOINTMENT_OF_ROW[table]}::text FROM {table}"))
        assert {row: appointments.get(found.get(row, "")) for row in expected} == expected, table


def test_nothing_else_in_nexus_is_changed(published: Published) -> None:
    changed = {table for table in published.before if published.before[table] != published.after[table]}
    policy = read_policy()
    assert changed <= set(policy.tables)
    assert not changed & set(policy.preserved)
    assert {"patients", "appointments", "notes", "documents_document"} <= changed


def test_every_foreign_key_holds(published: Published) -> None:
    keys = published.rows(
        "SELECT key.conname, child.relname, a.attname, parent.relname, b.attname FROM pg_constraint AS key"
        " JOIN pg_class AS child ON child.oid = key.conrelid JOIN pg_class AS parent ON parent.oid = key.confrelid"
        " JOIN pg_attribute AS a ON a.attrelid = key.conrelid AND a.attnum = key.conkey[1]"
        " JOIN pg_attribute AS b ON b.attrelid = key.confrelid AND b.attnum = key.confkey[1]"
        " WHERE key.contype = 'f' AND key.connamespace = 'public'::regnamespace AND cardinality(key.conkey) = 1"
    )
    assert len(keys) > len(PATIENT_OF_ROW)
    anti_join = sql.SQL(
        "SELECT count(*) FROM {child} AS c WHERE c.{a} IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM {parent} AS p WHERE p.{b} = c.{a})"
    )
    with published.world.connect() as connection:
        dangling = {
            name: count
            for name, child, a, parent, b in keys
            for (count,) in connection.execute(
                anti_join.format(
                    child=sql.Identifier(child), a=sql.Identifier(a), parent=sql.Identifier(parent), b=sql.Identifier(b)
                )
            )
            if count
        }
    assert dangling == {}


def test_a_reader_sees_the_old_list_or_the_new_one_and_nothing_between(published: Published) -> None:
    def counts(live: dict[str, str]) -> tuple[int, int]:
        return int(live["patients"].split(":")[0]), int(live["appointments"].split(":")[0])

    assert published.reader.errors == []
    assert published.reader.read_count > 100
    assert published.reader.seen == {counts(published.before), counts(published.after)}
    assert counts(published.before) != counts(published.after)


def test_backup_snapshot_and_report_are_on_s3(published: Published) -> None:
    prefix, run_id = read_policy().storage.prefix, published.run.run_id
    objects = {key: body for key, body in published.world.objects(prefix).items() if run_id in key}
    manifests = published.rows(
        "SELECT manifest_key, manifest_sha256 FROM nexus_import.backup WHERE run_id = %s UNION ALL"
        " SELECT manifest_key, manifest_sha256 FROM nexus_import.snapshot WHERE run_id = %s",
        run_id,
        run_id,
    )
    assert len(manifests) == 1 + 7
    for key, digest in manifests:
        assert hashlib.sha256(objects[key]).hexdigest() == digest
    assert {key.rsplit("/", 1)[1] for key in objects if f"{prefix}/reports/" in key} >= {
        "report.html",
        "report.json",
        "findings.csv",
        "findings.xlsx",
    }


def test_mails_went_out_before_and_after(published: Published) -> None:
    mails = published.world.mails(published.run)
    assert set(mails) == {"Nexus import started (publish)", "Nexus import published"}
    assert "started by admin" in mails["Nexus import started (publish)"]
    assert "Total time:" in mails["Nexus import published"]


def test_the_logs_speak_as_the_sequence_asks(published: Published) -> None:
    logs = published.world.task_logs(published.run)
    assert [line for line in LINES if not re.search(line, logs)] == []
    assert published.run.last_words().startswith("✅ Published and verified. Total time: ")


def test_xcoms_are_counts(xcoms: dict[tuple[str, str], Any]) -> None:
    values = {task: value for (task, key), value in xcoms.items() if key == "return_value"}
    assert len(values) > 30
    odd = {
        task: value
        for task, value in values.items()
        if task not in NOT_COUNTS
        and not (task.endswith(".gate") and isinstance(value, bool))
        and not (isinstance(value, dict) and value and all(_is_small(*item) for item in value.items()))
    }
    assert odd == {}


def _is_small(name: str, value: object) -> bool:
    """Tell a count, or the key of an object on S3, from what does not belong into an XCom."""
    return type(value) is int or (name.endswith("_key") and isinstance(value, str))


def test_no_personal_value_is_in_logs_xcoms_mails_or_the_report(
    published: Published, xcoms: dict[tuple[str, str], Any]
) -> None:
    world, run = published.world, published.run
    processes = world.stack.directory / "airflow" / "processes"
    texts = {
        "task logs": world.task_logs(run),
        "processes": "\n".join(path.read_text(errors="replace") for path in processes.glob("*.log")),
        "database log": world.nexus.cluster.log_file.read_text(errors="replace"),
        "xcoms": json.dumps(list(xcoms.values()), ensure_ascii=False),
        "mails": "\n".join(world.mails(run).values()),
        "report": "\n".join(
            text_of(key, body) for key, body in world.objects(f"{read_policy().storage.prefix}/reports/").items()
        ),
    }
    assert all(texts.values())
    found = {name: len(world.personal_values(text)) for name, text in texts.items()}
    assert found == dict.fromkeys(texts, 0)


def test_no_secret_is_in_logs_xcoms_rendered_fields_mails_or_the_report(
    published: Published, xcoms: dict[tuple[str, str], Any]
) -> None:
    world, run = published.world, published.run
    places = world.stack.addresses
    secrets = {
        "Nexus": world.nexus.passwords.values(),
        "FileMaker": [places.filemaker_password],
        "S3": [places.aws_secret_access_key],
        "Airflow": [places.airflow_password, places.airflow_viewer_password],
    }
    instances = world.client.request("GET", f"{run.path}/taskInstances")["task_instances"]
    rendered = {each["task_id"]: each["rendered_fields"] for each in instances}
    assert len(rendered) > 30
    assert any(rendered.values())
    texts = {
        "task logs": world.task_logs(run),
        "xcoms": json.dumps(list(xcoms.values()), ensure_ascii=False),
        "rendered fields": json.dumps(rendered, ensure_ascii=False),
        "mails": "\n".join(world.mails(run).values()),
        "report": "\n".join(
            text_of(key, body) for key, body in world.objects(f"{read_policy().storage.prefix}/reports/").items()
        ),
    }
    assert all(texts.values())
    assert all(len(secret) > 8 for group in secrets.values() for secret in group)
    leaks = [(of, place) for of, group in secrets.items() for place, text in texts.items() for s in group if s in text]
    assert leaks == []


def test_a_second_run_through_a_shaky_filemaker_plans_nothing_and_is_green(published: Published) -> None:
    world = published.world
    # FileMaker is asked for the appointments once before they are fetched
    world.filemaker("POST", "faults", {"hold": {"API_Appointments": 1}})
    run = world.start()
    world.wait_until_filemaker_holds("API_Appointments")
    world.filemaker("POST", "faults", {"unavailable_requests": 3, "dropped_requests": 2})
    assert world.filemaker("POST", "kill_tokens")["killed"] > 0
    world.filemaker("POST", "release", {})
    assert run.wait() == "success", run.last_words()
    plan = run.xcoms()["publish.make_plan", "return_value"]
    assert (plan["added_count"], plan["changed_count"], plan["removed_count"]) == (0, 0, 0)
    assert world.live() == published.after
    assert world.filemaker("GET", "state")["sessions_open"] == 0
