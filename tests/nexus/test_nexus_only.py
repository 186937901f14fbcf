"""`nexus_only`: keep touches nothing outside the mapped tables, delete takes exactly what the plan names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nexus_import.nexus.links import Link, read_links

from tests.nexus.live_rows import add_appointment, add_document, add_note, add_patient, add_reminder
from tests.nexus.lost_rows import (
    Rows,
    add_like,
    approve,
    dump,
    lose_appointment,
    lose_patient,
    outside_the_mapped,
    planned,
    removed,
)
from tests.nexus.manual_run import POLICY
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRun, QuickRuns, make_quick_run
from tests.support.copies import connected, own_include
from tests.support.installation import Installation, start_installation
from tests.support.runs import Run

Dump = dict[str, Rows]
OWN_PARENTS = {"xero_tracking_categories": ("clinic_id", "clinics"), "referrer_companies": ("company_id", "companies")}
"""Tables whose row needs a parent that no other row of theirs has: the column and the parent's table."""
MISLINK_A_DOCUMENT = (
    "UPDATE documents_document SET object_id = (SELECT id FROM patients WHERE id <> object_id ORDER BY id LIMIT 1)"
    " WHERE id = (SELECT min(id::text)::uuid FROM documents_document"
    "  WHERE filemaker_metadata ->> 'filemaker_patient_id' IS NOT NULL)"
)
NAMES = {"clinics": {"name": "Nowhere"}, "clinicians": {"full_name": "Nobody"}, "funding_sources": {"name": "Nothing"}}
"""Names that FileMaker does not use: two rows of one name could not be told apart."""


@dataclass
class Prepared:
    """A patient and an appointment that FileMaker lost, with rows of every table of Nexus on them."""

    installation: Installation
    patient: str
    appointment: str
    added: dict[str, str]
    before: Dump


def add_rows_everywhere(installation: Installation, patient: str, appointment: str) -> dict[str, str]:
    """Add a row to every table that no phase works on; what can refer to the two refers to them."""
    with installation.importer() as connection:
        links = read_links(connection, POLICY.data_policy())
    parents = {"patients": patient, "appointments": appointment}
    added = {parent: add_like(installation, parent, **NAMES.get(parent, {})) for _, parent in OWN_PARENTS.values()}
    for table in sorted(outside_the_mapped(dump(installation)).keys() - added.keys()):
        values: dict[str, Any] = dict(NAMES.get(table, {}))
        if table in OWN_PARENTS:
            column, parent = OWN_PARENTS[table]
            values[column] = added[parent]
        for link in links:
            if link.table == table and link.parent_table in parents and link.columns[0] not in values:
                values |= _referring(installation, link, parents[link.parent_table])
        added[table] = add_like(installation, table, **values)
    return added


def _referring(installation: Installation, link: Link, parent: str) -> dict[str, Any]:
    if link.type_column is None:
        return {link.columns[0]: parent}
    model = str(link.model).rpartition(".")[2]
    number = installation.value("SELECT id FROM django_content_type WHERE model = %s", model)
    return {link.columns[0]: parent, link.type_column: number}


def prepare(installation: Installation) -> Prepared:
    patient = lose_patient(installation)
    appointment = lose_appointment(installation, patient)
    added = add_rows_everywhere(installation, patient, appointment)
    return Prepared(installation, patient, appointment, added, dump(installation))


def make_everything_happen(filemaker: FileMaker) -> None:
    """Let FileMaker have a patient and a note more, a note less, another title, and a note with another patient."""
    first, second = filemaker.ids("patient")[:2]
    filemaker.fields("patient", first)["title"] = "Prof"
    notes = filemaker.ids("note")
    filemaker.add_like("note", notes[0], patient_id=filemaker.add_like("patient", second))
    filemaker.remove("note", notes[1])
    moved = filemaker.fields("note", notes[2])
    moved["patient_id"] = first if moved["patient_id"] != first else second


@pytest.fixture(scope="module")
def kept(parts: Any, dag: Any, first_run: QuickRun) -> Iterator[tuple[Prepared, Dump]]:
    """What a published run with `keep` was given, and what it left."""
    template = first_run.installation.database.database
    with start_installation(parts, template) as installation, connected(installation):
        emptied = lose_patient(installation)
        installation.execute(MISLINK_A_DOCUMENT)
        prepared = prepare(installation)
        filemaker = FileMaker(parts)
        make_everything_happen(filemaker)
        run = make_quick_run(installation, dag, filemaker)
        approve(run)
        run.go(until=LAST_TASK)
        assert run.errors == {}
        assert run.states[LAST_TASK] == "success"
        assert planned(run, "remove").keys() == {"patients", "notes"}
        assert planned(run, "remove")["patients"] == {emptied}
        assert planned(run, "add").keys() >= {"patients", "notes"}
        assert planned(run, "change").keys() >= {"patients", "notes", "documents_document"}
        yield prepared, dump(installation)


def test_every_table_outside_the_mapped_ones_had_a_row_more(kept: tuple[Prepared, Dump]) -> None:
    prepared, _ = kept
    outside = outside_the_mapped(prepared.before)
    assert outside.keys() == prepared.added.keys()
    assert len(outside) > 30
    assert {table for table, row in prepared.added.items() if row not in outside[table]} == set()


def test_keep_leaves_every_table_outside_the_mapped_ones_as_it_was(kept: tuple[Prepared, Dump]) -> None:
    prepared, after = kept
    assert outside_the_mapped(after) == outside_the_mapped(prepared.before)


def test_keep_changes_only_what_filemaker_changed(kept: tuple[Prepared, Dump]) -> None:
    prepared, after = kept
    assert prepared.patient in after["patients"]
    assert prepared.appointment in after["appointments"]
    unlike = {table for table in POLICY.data_policy().worked_tables if after[table] != prepared.before[table]}
    assert unlike >= {"patients", "notes"}
    assert len(set(after["patients"].values()) - set(prepared.before["patients"].values())) == 2


@pytest.fixture(scope="module")
def deleted(parts: Any, dag: Any, first_run: QuickRun) -> Iterator[tuple[Prepared, Run, Dump]]:
    """What a published run with `delete` was given, the run, and what it left."""
    template = first_run.installation.database.database
    with start_installation(parts, template) as installation, connected(installation):
        add_appointment(installation, add_patient(installation))
        add_note(installation, add_patient(installation))
        prepared = prepare(installation)
        run = make_quick_run(installation, dag, FileMaker(parts), nexus_only="delete")
        approve(run)
        run.go(until=LAST_TASK)
        assert run.errors == {}
        assert run.states[LAST_TASK] == "success"
        yield prepared, run, dump(installation)


def test_delete_removes_exactly_the_rows_that_the_plan_named(deleted: tuple[Prepared, Run, Dump]) -> None:
    prepared, run, after = deleted
    gone = {table: rows.keys() - after[table].keys() for table, rows in prepared.before.items()}
    assert {table: rows for table, rows in gone.items() if rows} == planned(run, "remove") == removed(run)
    assert {table for table in after if after[table].keys() - prepared.before[table].keys()} == set()


def test_delete_changes_exactly_the_rows_that_the_plan_named(deleted: tuple[Prepared, Run, Dump]) -> None:
    prepared, run, after = deleted
    changed = {
        table: {row for row in rows.keys() & after[table].keys() if rows[row] != after[table][row]}
        for table, rows in prepared.before.items()
    }
    assert {table: rows for table, rows in changed.items() if rows} == planned(run, "change")


def test_delete_is_the_requirements_cascade(deleted: tuple[Prepared, Run, Dump]) -> None:
    prepared, run, after = deleted
    assert prepared.patient not in after["patients"]
    assert prepared.appointment not in after["appointments"]
    for table in ("encounters", "patient_referrers", "patient_coordinators"):
        assert after[table] == {}
    remaining = "SELECT count(*) FROM {} WHERE {} IS NOT NULL"
    for table, column in (
        ("sms_messages", "patient_id"),
        ("sms_messages", "appointment_id"),
        ("sms_inbound", "patient_id"),
        ("xero_contact_links", "patient_id"),
        ("xero_invoice_links", "patient_id"),
        ("xero_invoice_links", "appointment_id"),
        ("xero_quote_links", "patient_id"),
        ("xero_quote_links", "appointment_id"),
    ):
        assert run.installation.value(remaining.format(table, column)) == 0
    for table in ("sms_inbound", "xero_invoice_links", "contact_relationships", "xero_payments", "sent_emails"):
        assert after[table].keys() == prepared.before[table].keys()
    assert run.installation.value("SELECT count(*) FROM xero_contact_links WHERE company_id IS NOT NULL") > 0


def test_delete_leaves_what_filemaker_holds(deleted: tuple[Prepared, Run, Dump]) -> None:
    _, run, after = deleted
    known = run.installation.rows("SELECT entity, nexus_id::text FROM nexus_import.identity")
    tables = {"patient": "patients", "appointment": "appointments", "note": "notes", "letter": "letters_patientletter"}
    for entity, table in tables.items():
        assert after[table].keys() == {row for name, row in known if name == entity}


def test_links_that_a_tables_own_word_clears_are_asked_about(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    """The run was told to keep, and no row goes: what eight rows of living patients would lose is no less lost."""
    count = imported.value("SELECT count(*) FROM xero_invoice_links WHERE patient_id IS NOT NULL")
    assert count
    before = dump(imported)
    with own_include(tmp_path, nexus_only_tables={"xero_invoice_links": "delete", "sms_inbound": "delete"}):
        run = next_run()
        run.answer = "Reject"
        run.go(until="publish.approve_plan")
    assert run.results["publish.decide"] == "publish.approve_plan"
    reason = f"{count} rows would lose what only Nexus knows: xero_invoice_links.patient_id would be set to NULL"
    assert reason in run.questions[0]
    assert f"| xero_invoice_links | only in Nexus | kept, loses a link | {count} |" in run.questions[0]
    assert dump(imported) == before


def test_plan_of_a_delete_counts_cleared_links_apart(deleted: tuple[Prepared, Run, Dump]) -> None:
    _, run, _ = deleted
    cleared = run.installation.rows(
        "SELECT DISTINCT table_name, detail FROM nexus_work.fate WHERE fate = 'cleared' ORDER BY 1, 2"
    )
    assert {table for table, _ in cleared} == {"sms_inbound", "xero_invoice_links"}
    rows = "SELECT table_name, row_id::text FROM nexus_work.fate WHERE fate = 'cleared'"
    assert {row for _, row in run.installation.rows(rows)} == set().union(*planned(run, "change").values())


def test_first_import_with_delete_takes_over_what_it_would_take_over_with_keep(
    installation: Installation, quick_run: QuickRuns
) -> None:
    run = quick_run(nexus_only="delete").go(until="publish.make_plan")
    truth = installation.truth
    ours = {truth["appointments"][key] for key in truth["adoptable_appointments"]}
    ours |= {note["nexus_id"] for note in truth["notes"].values() if note["nexus_id"]}
    gone = planned(run, "remove")
    assert ours & (gone["notes"] | gone.get("appointments", set())) == set()
    surplus = {row for rows in truth["surplus_notes"].values() for row in rows}
    assert gone["notes"] == surplus | truth["nexus_rows"]["notes"].keys()
    assert gone == removed(run)


def test_single_table_is_kept_with_all_it_refers_to_in_a_run_that_deletes(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    prepared = prepare(imported)
    encounters = prepared.before["encounters"]
    with own_include(tmp_path, nexus_only_tables={"encounters": "keep"}):
        run = next_run(nexus_only="delete")
        approve(run)
        run.go(until=LAST_TASK)
    assert run.errors == {}
    after = dump(imported)
    assert after["encounters"] == encounters
    assert prepared.patient in after["patients"]
    assert prepared.appointment in after["appointments"]
    assert after["patient_referrers"] == {}
    assert planned(run, "remove") == removed(run)


def test_single_table_goes_in_a_run_that_keeps(imported: Installation, next_run: QuickRuns, tmp_path: Path) -> None:
    with own_include(tmp_path, nexus_only_tables={"sms_messages": "delete"}):
        run = next_run().go(until="publish.make_plan")
    live = imported.rows("SELECT id::text FROM sms_messages WHERE patient_id IS NOT NULL")
    assert planned(run, "remove") == {"sms_messages": {row for (row,) in live}}


def test_patient_with_a_document_stays_in_a_run_that_deletes(imported: Installation, next_run: QuickRuns) -> None:
    patient = add_patient(imported)
    add_document(imported, patient, s3_key="documents/a.pdf")
    add_reminder(imported, patient)
    run = next_run(nexus_only="delete").go(until="publish.make_plan")
    assert run.errors == {}
    assert patient not in planned(run, "remove").get("patients", set())
    detail = "SELECT detail FROM nexus_work.fate WHERE row_id = %s"
    assert imported.value(detail, patient) == "referred to by documents_document.object_id"


def test_document_whose_metadata_name_another_patient_keeps_nobody(imported: Installation, next_run: QuickRuns) -> None:
    lost = lose_patient(imported)
    known, nexus_id = next((key, row) for key, row in imported.truth["patients"].items() if row)
    document = add_document(
        imported, lost, s3_key="documents/b.pdf", filemaker_metadata=f'{{"filemaker_patient_id": " {known.upper()} "}}'
    )
    run = next_run().go(until="publish.make_plan")
    assert run.errors == {}
    assert lost in planned(run, "remove")["patients"]
    assert (
        imported.value("SELECT object_id::text FROM nexus_work.documents_document WHERE id = %s", document) == nexus_id
    )


def test_row_that_an_untouched_table_refers_to_stays_in_a_run_that_deletes(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    patient, flagged = add_patient(imported), add_patient(imported)
    imported.execute("CREATE SCHEMA reporting; CREATE TABLE reporting.flags (patient_id uuid REFERENCES patients (id))")
    imported.execute("GRANT USAGE ON SCHEMA reporting TO nexus_import")
    imported.execute("INSERT INTO reporting.flags VALUES (%s)", flagged)
    with own_include(tmp_path, tables={"reporting.flags": "untouched"}):
        run = next_run(nexus_only="delete").go(until="publish.make_plan")
    assert run.errors == {}
    gone = planned(run, "remove")["patients"]
    assert patient in gone
    assert flagged not in gone


def test_chain_of_cascading_tables_goes_with_its_patient(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    tables = {"plans": "patients", "goals": "plans", "steps": "goals", "comments": "steps"}
    for table, parent in tables.items():
        imported.execute(f"CREATE TABLE {table} (id uuid PRIMARY KEY, parent_id uuid REFERENCES {parent} (id))")
        imported.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO nexus_import")
    imported.execute("CREATE TABLE remarks (id uuid PRIMARY KEY, goal_id uuid REFERENCES goals (id))")
    gone, stays = add_patient(imported), add_patient(imported)
    rows: dict[str, dict[str, str]] = {}
    for patient in (gone, stays):
        parent = patient
        for table in tables:
            parent = add_like(imported, table, parent_id=parent)
            rows.setdefault(patient, {})[table] = parent
    add_like(imported, "remarks", goal_id=rows[stays]["goals"])
    with own_include(tmp_path, tables=dict.fromkeys(tables, "cascades") | {"remarks": "untouched"}):
        run = next_run(nexus_only="delete").go(until="publish.make_plan")
    assert run.errors == {}
    assert run.results["phase_8_validate.gate"] is True
    assert {table: planned(run, "remove").get(table) for table in tables} == {
        "plans": {rows[gone]["plans"]},
        "goals": {rows[gone]["goals"]},
        "steps": {row["steps"] for row in rows.values()},
        "comments": {row["comments"] for row in rows.values()},
    }
    assert gone in planned(run, "remove")["patients"]
    assert stays not in planned(run, "remove")["patients"]
