"""The publish: exactly the difference, in one transaction, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from nexus_import.errors import PublishRefused
from nexus_import.nexus import difference, locking
from nexus_import.nexus import publish as publishing
from nexus_import.nexus.plan import Plan
from nexus_import.nexus.publish import Publication
from nexus_import.nexus.verify import Look, find_drift, find_left_behind, look_at_live, mark_verified

from tests.nexus.live_rows import add_patient
from tests.nexus.lost_rows import add_like
from tests.nexus.manual_run import (
    ADDED,
    FIRST,
    FIRST_EVENT,
    GONE,
    POLICY,
    SECOND,
    SECOND_EVENT,
    STAYS,
    ManualRun,
    start_run,
)

ALL_PATIENTS = "SELECT id::text, xmin::text, ctid::text, md5(patients::text) FROM patients ORDER BY id"


@dataclass
class Published:
    """A run that was published, and what live Nexus was before it."""

    run: ManualRun
    plan: Plan
    publication: Publication
    tables: dict[str, str]
    patients: list[tuple[Any, ...]]
    gone: dict[str, Any]


@pytest.fixture(scope="module")
def published(parts: Any, stage: str) -> Iterator[Published]:
    with start_run(parts, stage) as run:
        tables, patients = run.installation.live(), run.installation.rows(ALL_PATIENTS)
        gone = run.installation.value("SELECT patients::text FROM patients WHERE id = %s", GONE)
        run.edit()
        plan = run.plan()
        yield Published(run, plan, run.publish(), tables, patients, gone)


def test_difference_is_applied_and_nothing_else_is_touched(published: Published) -> None:
    installation = published.run.installation
    assert published.publication == Publication(published.plan, published.plan.counts, is_repeat=False)
    untouched = {row for row in published.patients if row[0] not in {GONE, STAYS}}
    present = set(installation.rows(ALL_PATIENTS))
    assert untouched < present
    assert {row[0] for row in present - untouched} == {STAYS}
    assert installation.value("SELECT title FROM patients WHERE id = %s", STAYS) == "Dr"
    assert installation.value("SELECT content FROM notes WHERE id = %s", ADDED) == "new"
    after = installation.live()
    changed = {table for table in after if after[table] != published.tables[table]}
    assert changed == {"patients", "appointments", "notes"}


def test_unique_values_can_be_swapped(published: Published) -> None:
    query = "SELECT id::text, filemaker_event_id::text FROM appointments WHERE id IN (%s, %s)"
    assert dict(published.run.installation.rows(query, FIRST, SECOND)) == {FIRST: SECOND_EVENT, SECOND: FIRST_EVENT}


def test_bookkeeping_columns_tell_the_time_of_the_publish(published: Published) -> None:
    installation = published.run.installation
    published_at = installation.value("SELECT published_at FROM nexus_import.publication")
    created_at, updated_at = installation.rows("SELECT created_at, updated_at FROM patients WHERE id = %s", STAYS)[0]
    assert created_at < updated_at <= published_at


def test_before_images_hold_what_was_and_what_became_of_it(published: Published) -> None:
    installation = published.run.installation
    query = "SELECT row_id::text, action, before_row, after_digest FROM nexus_import.before_image"
    images = {row_id: (action, before, after) for row_id, action, before, after in installation.rows(query)}
    assert {row_id: image[0] for row_id, image in images.items()} == {
        GONE: "remove",
        STAYS: "change",
        FIRST: "change",
        SECOND: "change",
        ADDED: "add",
    }
    assert images[GONE][1:] == (published.gone, None)
    assert images[ADDED][1] is None
    assert installation.value("SELECT (%s::patients).title", images[STAYS][1]) is None
    assert images[STAYS][2] is not None


def test_live_nexus_is_as_planned_afterwards_and_the_copy_plans_nothing_more(run: ManualRun) -> None:
    run.edit()
    run.plan()
    plan = run.publish().plan
    assert look_at_live(run.connection, plan) == Look({}, {})
    mark_verified(run.connection, plan)
    assert run.installation.value("SELECT verified_at IS NOT NULL FROM nexus_import.publication")
    run.copy()
    assert run.plan().change_count == 0


def test_what_staff_write_after_the_commit_is_no_mistake_of_the_publish(run: ManualRun) -> None:
    run.edit()
    run.plan()
    plan = run.publish().plan
    run.installation.execute("UPDATE patients SET title = 'Mx' WHERE id = %s", STAYS)
    run.installation.execute("DELETE FROM notes WHERE id = %s", ADDED)
    run.installation.execute("UPDATE clinics SET color = '#000000'")
    run.installation.execute("UPDATE gmail_connections SET access_token = 'renewed'")
    # another run's copy does not matter: what was published is in the journal
    ManualRun(run.installation, run.connection).copy()
    assert look_at_live(run.connection, plan) == Look({}, {"patients": 1, "notes": 1})
    assert find_drift(run.connection, plan, POLICY.preserved) == ["clinics"]


def test_id_of_a_removed_row_that_is_written_afterwards_is_found(run: ManualRun) -> None:
    run.edit()
    run.plan()
    plan = run.publish().plan
    keep = POLICY.data_policy()
    assert find_left_behind(run.connection, plan, keep).findings == []
    email = add_like(run.installation, "sent_emails", related_patient_id=GONE)
    add_like(run.installation, "sent_emails", related_patient_id=STAYS)
    found = find_left_behind(run.connection, plan, keep)
    assert [(item.entity, str(item.nexus_id), item.field, item.detail) for item in found.findings] == [
        ("sent_emails", GONE, "related_patient_id", f"row {email} names it, and it was removed")
    ]
    assert "undo the publish" in found.sentence()
    # the policy lets them dangle when what lives only in Nexus goes
    assert find_left_behind(run.connection, plan, POLICY.data_policy("delete")).findings == []


def test_row_that_the_publish_wrote_last_and_is_not_as_published_is_wrong(run: ManualRun) -> None:
    run.edit()
    run.plan()
    plan = run.publish().plan
    run.connection.execute("UPDATE nexus_import.before_image SET after_digest = 'x' WHERE table_name = 'appointments'")
    assert look_at_live(run.connection, plan) == Look({"appointments": 2}, {})


def test_trigger_that_changes_what_is_written_rolls_the_publish_back(planned: ManualRun) -> None:
    planned.installation.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.title := upper(NEW.title); RETURN NEW; END'"
    )
    planned.installation.execute("CREATE TRIGGER shout BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION shout()")
    before = planned.installation.live()
    with pytest.raises(PublishRefused, match="1 rows of patients were not written as planned: does a trigger"):
        planned.publish()
    assert planned.installation.live() == before


def test_same_plan_made_once_more_after_the_publish_is_recognised(run: ManualRun) -> None:
    run.edit()
    first = run.plan()
    published = run.publish()
    assert run.plan().plan_id != first.plan_id
    repeated = run.publish()
    assert repeated.is_repeat
    assert repeated.plan.plan_id == published.plan.plan_id == first.plan_id
    assert run.installation.value("SELECT count(*) FROM nexus_import.publication") == 1


def test_second_call_after_the_commit_does_nothing(run: ManualRun) -> None:
    run.edit()
    plan = run.plan()
    first = run.publish()
    run.installation.execute("UPDATE patients SET title = 'Mx' WHERE id = %s", STAYS)
    second = run.publish()
    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert (second.plan, second.counts) == (plan, plan.counts)
    assert run.installation.value("SELECT title FROM patients WHERE id = %s", STAYS) == "Mx"
    assert run.installation.value("SELECT count(*) FROM nexus_import.publication") == 1


def test_plan_without_changes_is_published_too(run: ManualRun) -> None:
    before = run.installation.live()
    run.plan()
    assert run.publish().is_repeat is False
    assert run.installation.value("SELECT count(*) FROM nexus_import.publication") == 1
    assert run.installation.live() == before


def test_counts_that_do_not_add_up_roll_everything_back(planned: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = planned.installation.live()
    change = difference._change

    def change_too_few(connection: psycopg.Connection[Any], plan: Plan, table: str) -> int:
        return change(connection, plan, table) - (table == "patients")

    monkeypatch.setattr(difference, "_change", change_too_few)
    with pytest.raises(PublishRefused, match="do not add up to the plan; everything was rolled back"):
        planned.publish()
    assert planned.installation.live() == before
    assert planned.installation.value("SELECT count(*) FROM nexus_import.before_image") == 0
    assert planned.installation.value("SELECT count(*) FROM nexus_import.publication") == 0


def test_table_that_somebody_holds_refuses_after_the_last_try(
    planned: ManualRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (10, 20))
    before = planned.installation.live()
    with planned.installation.owner() as other, other.transaction(), caplog.at_level("INFO"):
        other.execute("LOCK TABLE notes IN ROW EXCLUSIVE MODE")
        with pytest.raises(PublishRefused, match="locked by others for too long; live Nexus is unchanged"):
            planned.publish()
    assert caplog.text.count("trying again") == 1
    assert planned.installation.live() == before


def test_last_try_waits_longer_than_a_deadlock_is_looked_for(planned: ManualRun) -> None:
    milliseconds = planned.installation.value(
        "SELECT setting::integer FROM pg_settings WHERE name = 'deadlock_timeout'"
    )
    assert locking.LOCK_TIMEOUTS_MS[-1] > milliseconds


def test_table_that_is_let_go_in_time_is_waited_for(run: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (10, 60_000))
    run.edit()
    run.plan()
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE NOT granted AND datname = current_database()"
    )
    with run.installation.owner() as other:
        other.execute("BEGIN; LOCK TABLE patients IN ROW EXCLUSIVE MODE")
        publisher = threading.Thread(target=run.publish)
        publisher.start()
        while publisher.is_alive() and not other.execute(waiting).fetchall()[0][0]:
            publisher.join(0.01)
        other.execute("COMMIT")
        publisher.join(60)
    assert run.installation.value("SELECT title FROM patients WHERE id = %s", STAYS) == "Dr"


def test_restore_and_publish_exclude_each_other(planned: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUTS_MS", (10,))
    with planned.installation.owner() as restore, restore.transaction():
        restore.execute("SELECT pg_advisory_xact_lock(%s)", (locking.PUBLISH_LOCK,))
        with pytest.raises(PublishRefused, match="locked by others"):
            planned.publish()


def test_readers_see_yesterday_until_the_commit(run: ManualRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.edit()
    run.plan()
    before = run.installation.live()
    seen = []
    remember = publishing.remember

    def look_then_remember(*arguments: Any) -> None:
        seen.append(run.installation.live())
        remember(*arguments)

    monkeypatch.setattr(publishing, "remember", look_then_remember)
    run.publish()
    assert seen == [before]
    assert run.installation.live() != before


def test_value_taken_meanwhile_is_named_by_its_constraint_without_the_value(run: ManualRun) -> None:
    run.work("UPDATE nexus_work.patients SET mrn = 'MRN-SECRET' WHERE id = %s", STAYS)
    run.plan()
    add_patient(run.installation, mrn="MRN-SECRET")
    with pytest.raises(PublishRefused, match="constraint patients_mrn_key of patients") as caught:
        run.publish()
    assert "MRN-SECRET" not in str(caught.value)
    assert run.installation.value("SELECT mrn FROM patients WHERE id = %s", STAYS) is None


def test_configuration_row_gone_meanwhile_is_named_by_its_constraint(run: ManualRun) -> None:
    clinic = "90000000-0000-4000-8000-0000000000c1"
    run.installation.execute(
        "INSERT INTO clinics (id, name, sms_reminders_enabled, created_at, updated_at)"
        " VALUES (%s, 'Closed', false, now(), now())",
        clinic,
    )
    run.work("UPDATE nexus_work.patients SET clinic_id = %s WHERE id = %s", clinic, STAYS)
    run.plan()
    run.installation.execute("DELETE FROM clinics WHERE id = %s", clinic)
    with pytest.raises(PublishRefused, match="constraint patients_clinic_id_fk of patients"):
        run.publish()
    assert run.installation.value("SELECT clinic_id FROM patients WHERE id = %s", STAYS) is None
