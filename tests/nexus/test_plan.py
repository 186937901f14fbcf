"""The plan: which rows differ, in which columns, and a digest of exactly that."""

from __future__ import annotations

from typing import Any

from nexus_import.core.plan_summary import FateCount
from nexus_import.nexus.losses import count_contradicted_files, count_moved_files, count_nexus_only_removed
from nexus_import.nexus.plan import Plan, latest_plan, set_unusual
from nexus_import.nexus.plan_summary import read_summary

from tests.nexus.live_rows import add_batch, add_document, add_note, add_patient
from tests.nexus.manual_run import ADDED, FIRST, GONE, SECOND, STAYS, ManualRun


def rows_of(run: ManualRun, plan: Plan) -> list[tuple[Any, ...]]:
    return run.connection.execute(
        "SELECT table_name, action, row_id::text, changed_columns FROM nexus_import.plan_row WHERE plan_id = %s"
        " ORDER BY table_name, action",
        (plan.plan_id,),
    ).fetchall()


def test_untouched_copy_plans_nothing(undone: ManualRun) -> None:
    plan = undone.plan()
    assert plan.change_count == 0
    assert rows_of(undone, plan) == []


def test_added_changed_and_removed_rows_are_told_apart(undone: ManualRun) -> None:
    undone.edit()
    undone.work("UPDATE nexus_work.patients SET dob = '2000-01-01' WHERE id = %s", STAYS)
    plan = undone.plan()
    assert sorted(rows_of(undone, plan)) == [
        ("appointments", "change", FIRST, ["filemaker_event_id"]),
        ("appointments", "change", SECOND, ["filemaker_event_id"]),
        ("notes", "add", ADDED, []),
        ("patients", "change", STAYS, ["dob", "title"]),
        ("patients", "remove", GONE, []),
    ]
    assert plan.counts["patients"] == {"add": 0, "change": 1, "remove": 1}
    assert plan.counts["notes"] == {"add": 1, "change": 0, "remove": 0}
    assert plan.counts["encounters"] == {"add": 0, "change": 0, "remove": 0}
    assert plan.change_count == 5


def test_bookkeeping_column_alone_makes_no_change(undone: ManualRun) -> None:
    assert undone.work("UPDATE nexus_work.patients SET updated_at = now()") > 0
    assert undone.plan().change_count == 0


def test_null_and_empty_text_are_different_values(undone: ManualRun) -> None:
    touched = undone.work("UPDATE nexus_work.patients SET middle_names = '' WHERE middle_names IS NULL")
    assert touched > 0
    assert undone.plan().counts["patients"]["change"] == touched


def test_json_in_another_order_is_the_same_value(undone: ManualRun) -> None:
    undone.work('UPDATE nexus_work.patients SET flags_json = \'{"b": 1, "a": 2}\'')
    undone.work('UPDATE nexus_work.before_patients SET flags_json = \'{"a": 2, "b": 1}\'')
    assert undone.plan().change_count == 0


def test_digest_is_the_same_for_the_same_plan_and_another_for_another_value(undone: ManualRun) -> None:
    change = (
        "UPDATE nexus_work.patients SET title = %s WHERE id = (SELECT min(id::text)::uuid FROM nexus_work.patients)"
    )
    undone.work(change, "Dr")
    first, again = undone.plan(), undone.plan()
    assert first.plan_id != again.plan_id
    assert first.digest == again.digest
    undone.work(change, "Prof")
    assert undone.plan().digest != first.digest
    undone.work(change, "Dr")
    assert undone.plan().digest == first.digest


def test_digest_of_another_copy_is_another(undone: ManualRun) -> None:
    first = undone.plan()
    undone.copy()
    assert undone.plan().digest != first.digest


def test_latest_plan_comes_back_with_its_reasons(undone: ManualRun) -> None:
    assert latest_plan(undone.connection, undone.run_id) is None
    undone.plan()
    plan = set_unusual(undone.connection, undone.plan(), ["too much would go"])
    assert latest_plan(undone.connection, undone.run_id) == plan
    assert plan.unusual == ["too much would go"]
    assert latest_plan(undone.connection, "another run") is None


def test_removed_rows_that_filemaker_never_had_are_counted_apart(run: ManualRun) -> None:
    born = add_patient(run.installation, filemaker_metadata='{"filemaker_id": "A-1"}')
    written = add_note(run.installation, GONE, "written in Nexus")
    imported = add_note(run.installation, GONE, "imported")
    run.copy()
    run.work("INSERT INTO nexus_work.former_patient VALUES (%s, 'a-1')", born)
    run.work("INSERT INTO nexus_import.identity VALUES ('note', 'n-1', %s, 'new')", imported)
    run.work("DELETE FROM nexus_work.notes WHERE id IN (%s, %s)", written, imported)
    run.work("DELETE FROM nexus_work.appointments WHERE id = %s", FIRST)
    run.work("DELETE FROM nexus_work.patients WHERE id IN (%s, %s)", GONE, born)
    plan = run.plan()
    assert {table: counts["remove"] for table, counts in plan.counts.items() if counts["remove"]} == {
        "patients": 2,
        "notes": 2,
        "appointments": 1,
    }
    assert count_nexus_only_removed(run.connection, plan.plan_id) == {"notes": 1, "patients": 1}


def test_summary_counts_rows_and_changed_values(undone: ManualRun) -> None:
    undone.edit()
    undone.work("UPDATE nexus_work.patients SET dob = '2000-01-01' WHERE id = %s", STAYS)
    rows = undone.work("UPDATE nexus_work.before_patients SET id = id")
    tables = {table.table: table for table in read_summary(undone.connection, undone.plan().plan_id).tables}
    patients = tables["patients"]
    assert (patients.added, patients.changed, patients.removed, patients.unchanged) == (0, 1, 1, rows - 2)
    assert patients.columns == {"dob": 1, "title": 1}
    assert tables["appointments"].columns == {"filemaker_event_id": 2}
    assert tables["notes"].added == 1
    assert not tables["encounters"].has_changes


def test_values_that_staff_changed_and_that_go_are_counted(undone: ManualRun) -> None:
    digests = (
        "(SELECT jsonb_build_object('title', md5('Ms'), 'dob', md5(COALESCE(dob::text, '')), 'last_name', md5('?'))"
    )
    for patient in (STAYS, GONE):
        undone.work(
            "INSERT INTO nexus_import.published_row (table_name, row_id, digests) SELECT 'patients', %s, "
            f"{digests} FROM nexus_work.before_patients WHERE id = %s)",
            *(patient, patient),
        )
    undone.work("UPDATE nexus_work.patients SET title = 'Dr', dob = '1900-01-01' WHERE id = %s", STAYS)
    undone.work("DELETE FROM nexus_work.patients WHERE id = %s", GONE)
    plan = undone.plan()
    lost = dict(
        undone.connection.execute(
            "SELECT row_id::text, overwritten_columns FROM nexus_import.plan_row WHERE plan_id = %s", (plan.plan_id,)
        ).fetchall()
    )
    # of the one that stays, the title was edited, the date of birth was not, and the last name is not replaced
    assert lost == {STAYS: ["title"], GONE: ["last_name"]}
    summary = read_summary(undone.connection, plan.plan_id)
    assert summary.tables[0].overwritten == {"last_name": 1, "title": 1}
    assert summary.overwritten_count == 2


def test_rows_that_filemaker_does_not_hold_stay_with_the_plan(undone: ManualRun) -> None:
    undone.work(
        "INSERT INTO nexus_work.fate (table_name, row_id, fate, reason)"
        " VALUES ('patients', %s, 'removed', 'vanished'), ('patients', %s, 'kept', 'nexus_only')",
        *(GONE, STAYS),
    )
    plan = undone.plan()
    undone.work("DELETE FROM nexus_work.fate")
    assert read_summary(undone.connection, plan.plan_id).fates == [
        FateCount("patients", "kept", "nexus_only", 1),
        FateCount("patients", "removed", "vanished", 1),
    ]


def test_documents_that_go_from_one_patient_to_another_are_counted_and_first_links_are_not(run: ManualRun) -> None:
    moved = add_document(run.installation, STAYS)
    found = add_document(run.installation, STAYS, object_id=None, content_type_id=None)
    renamed = add_document(run.installation, STAYS)
    batch = add_batch(run.installation, GONE)
    run.copy()
    for table, row in (("documents_document", moved), ("images_batch", batch)):
        run.work(f"UPDATE nexus_work.{table} SET object_id = gen_random_uuid() WHERE id = %s", row)
    run.work("UPDATE nexus_work.documents_document SET object_id = %s WHERE id = %s", STAYS, found)
    run.work("UPDATE nexus_work.documents_document SET s3_key = s3_key || '.old' WHERE id = %s", renamed)
    plan = run.plan()
    assert plan.counts["documents_document"]["change"] == 3
    assert count_moved_files(run.connection, plan.plan_id) == {"documents_document": 1, "images_batch": 1}


def test_files_that_get_another_patient_than_filemakers_record_names_are_counted_when_their_link_changes(
    run: ManualRun,
) -> None:
    contradicted, repaired, as_before = (add_document(run.installation, STAYS) for _ in range(3))
    batch = add_batch(run.installation, GONE)
    run.copy()
    for row, disagreeing in ((contradicted, "link,record"), (repaired, "link,key"), (as_before, "record")):
        decide(run, "documents_document", row, disagreeing)
    decide(run, "images_batch", batch, "record")
    for row in (contradicted, repaired):
        run.work("UPDATE nexus_work.documents_document SET object_id = gen_random_uuid() WHERE id = %s", row)
    run.work("UPDATE nexus_work.documents_document SET s3_key = s3_key || '.old' WHERE id = %s", as_before)
    run.work("UPDATE nexus_work.images_batch SET object_id = gen_random_uuid() WHERE id = %s", batch)
    plan = run.plan()
    assert plan.counts["documents_document"]["change"] == 3
    assert count_contradicted_files(run.connection, plan.plan_id) == {"documents_document": 1, "images_batch": 1}


def decide(run: ManualRun, table: str, row: str, disagreeing: str) -> None:
    run.work(
        "INSERT INTO nexus_work.decision (table_name, row_id, patient_id, evidence, disagreeing)"
        " VALUES (%s, %s, gen_random_uuid(), 'metadata', string_to_array(%s, ','))",
        *(table, row, disagreeing),
    )
