"""A whole run of the reference clinic with its own configuration: what live Nexus holds after it, by the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import load_check, run_check
from nexus_import.nexus.sql import include_folder
from nexus_import.settings import Settings
from psycopg import Connection, sql

from local.clinic import CONFIGURATION_OF_CLINIC, REFERENCE_CLINIC
from tests.support.copies import own_include
from tests.support.installation import Installation, start_installation, start_parts
from tests.support.runs import Run

SCALE = 0.02
COORDINATOR = "NDIS Coordinator Name"
SPECIALTIES = "phase_0/specialties_exist"
VERIFY = "phase_0_validate.verify_filemaker"
PARAMETERS = {
    "mode": "publish",
    "approval": "when_unusual",
    "nexus_only": "keep",
    "configuration": CONFIGURATION_OF_CLINIC[REFERENCE_CLINIC],
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, dag: Any) -> Iterator[Run]:
    """The run that was approved and published."""
    with (
        start_parts(tmp_path_factory.mktemp("reference"), REFERENCE_CLINIC, SCALE) as parts,
        start_installation(parts) as installation,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in installation.environment().items():
            patch.setenv(name, value)
        # what earlier imports filled as well would be there all the same
        installation.execute("UPDATE referrers SET specialty_id = NULL WHERE filemaker_id IS NOT NULL")
        yield Run(installation, dag, PARAMETERS, answer="Approve").go()


@pytest.fixture(scope="module")
def nexus(published: Run) -> Installation:
    """The installation after the run, with the truth about its clinic."""
    return published.installation


@pytest.fixture(scope="module")
def patients(nexus: Installation) -> dict[str, str]:
    """Nexus ids of the patients by FileMaker id in upper case."""
    return dict(nexus.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id'), id::text FROM patients"))


def upper(value: str | None) -> str | None:
    return value.upper() if value else None


def test_run_is_approved_published_and_green(published: Run) -> None:
    assert published.errors == {}
    assert published.is_green
    assert len(published.questions) == 1


def test_patients_keep_their_ids_and_get_their_clinics(nexus: Installation, patients: dict[str, str]) -> None:
    assert patients == {
        filemaker_id: nexus_id for filemaker_id, nexus_id in nexus.truth["patients"].items() if nexus_id
    }
    clinics = dict(
        nexus.rows(
            "SELECT upper(p.filemaker_metadata ->> 'filemaker_id'), c.name FROM patients p JOIN clinics c"
            " ON c.id = p.clinic_id"
        )
    )
    expected = {patient: clinic for patient, clinic in nexus.truth["patient_clinics"].items() if clinic}
    assert clinics == expected


def test_phones_addresses_and_mails_stand_where_the_application_reads_them(nexus: Installation) -> None:
    rows = nexus.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id'), contact_json, address_json FROM patients")
    found = {
        patient: {
            "phones": sorted(entry["number"] for entry in contacts.get("phones", [])),
            "emails": sorted(entry["address"] for entry in contacts.get("emails", [])),
            "addresses": sorted(entry["line1"] for entry in addresses.get("addresses", [])),
        }
        for patient, contacts, addresses in rows
    }
    expected = {
        patient: {kind: sorted(listed) for kind, listed in kinds.items()}
        for patient, kinds in nexus.truth["contact_values"].items()
    }
    assert {patient: found[patient] for patient in expected} == expected
    for _, contacts, addresses in rows:
        mobiles = [entry["number"] for entry in contacts.get("phones", []) if entry["type"] == "mobile"]
        assert {entry["value"] for entry in contacts.get("mobile", {}).values()} <= set(mobiles)
        assert bool(contacts.get("mobile")) == bool(mobiles) or "phones" not in contacts
        if addresses.get("addresses"):
            assert addresses["street"] == addresses["addresses"][0]["line1"]


def test_every_event_of_a_patient_is_an_appointment_with_an_end(nexus: Installation, patients: dict[str, str]) -> None:
    rows = nexus.rows(
        "SELECT upper(filemaker_event_id::text), id::text, patient_id::text, end_time >= start_time FROM appointments"
        " WHERE filemaker_event_id IS NOT NULL"
    )
    unreadable = {
        row[0]
        for row in nexus.rows(
            "SELECT upper(filemaker_id) FROM nexus_import.finding WHERE check_id = 'phase_4/appointment_count_matches'"
        )
    }
    assert {event for event, _, _, _ in rows} | unreadable == set(nexus.truth["appointments"])
    assert all(has_end for _, _, _, has_end in rows)
    assert {patient for _, _, patient, _ in rows} <= set(patients.values())
    adopted = {event: nexus_id for event, nexus_id, _, _ in rows if event in nexus.truth["adoptable_appointments"]}
    assert adopted == {event: nexus.truth["appointments"][event] for event in nexus.truth["adoptable_appointments"]}


def test_events_without_a_patient_are_counted_by_their_rule(nexus: Installation, published: Run) -> None:
    counted = nexus.rows(
        "SELECT reason, record_count FROM nexus_import.balance WHERE run_id = %s AND entity = 'appointment'"
        " AND what = 'skipped'",
        published.run_id,
    )
    assert counted == [("out of scope by the rule without_patient", len(nexus.truth["block_bookings"]))]


def test_notes_are_adopted_once_and_surplus_copies_stay(nexus: Installation, patients: dict[str, str]) -> None:
    known = dict(
        nexus.rows("SELECT upper(filemaker_id), nexus_id::text FROM nexus_import.identity WHERE entity = 'note'")
    )
    for filemaker_id, note in nexus.truth["notes"].items():
        if note["nexus_id"] and filemaker_id in known:
            copies = {note["nexus_id"], *nexus.truth["surplus_notes"].get(filemaker_id, [])}
            assert known[filemaker_id] in copies
    surplus = {copy for copies in nexus.truth["surplus_notes"].values() for copy in copies}
    present = {row[0] for row in nexus.rows("SELECT id::text FROM notes")}
    assert surplus <= present


def test_messages_and_replies_belong_to_their_patients(nexus: Installation, patients: dict[str, str]) -> None:
    for entity, table, truth in (
        ("message", "sms_messages", {key: one["patient"] for key, one in nexus.truth["messages"].items()}),
        ("reply", "sms_inbound", nexus.truth["replies"]),
    ):
        rows = dict(
            nexus.rows(
                f"SELECT upper(known.filemaker_id), row.patient_id::text FROM nexus_import.identity AS known"
                f" JOIN {table} AS row ON row.id = known.nexus_id WHERE known.entity = %s",
                entity,
            )
        )
        assert rows == {key: patients.get(upper(patient) or "") for key, patient in truth.items()}


def test_referrers_keep_their_ids_and_each_pair_stands_once(nexus: Installation, patients: dict[str, str]) -> None:
    referrers = dict(
        nexus.rows("SELECT upper(filemaker_id::text), id::text FROM referrers WHERE filemaker_id IS NOT NULL")
    )
    assert {
        key: nexus_id for key, nexus_id in nexus.truth["referrers"].items() if nexus_id
    }.items() <= referrers.items()
    assert set(nexus.truth["referrers"]) <= set(referrers)
    pairs = [tuple(row) for row in nexus.rows("SELECT patient_id::text, referrer_id::text FROM patient_referrers")]
    assert len(pairs) == len(set(pairs))
    wanted = {
        (patients[patient.upper()], referrers[referrer.upper()])
        for patient, referrer in nexus.truth["referrer_links"].values()
    }
    assert wanted <= set(pairs)


def referrers_of(nexus: Installation) -> dict[str, dict[str, Any]]:
    """Return FileMaker's referrers by record id."""
    records = json.loads((nexus.parts.clinic / "filemaker" / "API_Referrer.json").read_text())["records"]
    return {record["recordId"]: record["fieldData"] for record in records}


def test_referrers_have_the_specialty_that_filemaker_says(nexus: Installation) -> None:
    found = dict(
        nexus.rows(
            "SELECT upper(referrers.filemaker_id::text), specialties.name FROM referrers"
            " LEFT JOIN specialties ON specialties.id = specialty_id"
        )
    )
    said = {referrer["id"].upper(): referrer["contactType"] or None for referrer in referrers_of(nexus).values()}
    assert len(set(said.values())) > 2
    assert {key: found[key] for key in said} == said


def test_documents_and_images_are_on_their_patients(nexus: Installation, patients: dict[str, str]) -> None:
    for table, truth in (("documents_document", "documents"), ("images_batch", "batches")):
        rows = dict(nexus.rows(f"SELECT id::text, object_id::text FROM {table}"))
        assert {row: rows[row] for row in nexus.truth[truth]} == {
            row: patients[patient.upper()] for row, patient in nexus.truth[truth].items() if patient
        }


def test_what_staff_made_is_all_there(nexus: Installation) -> None:
    for table, rows in nexus.truth["nexus_rows"].items():
        present = {row[0] for row in nexus.rows(f"SELECT id::text FROM {table}")}
        assert set(rows) <= present, table


def test_what_was_decided_is_said(nexus: Installation, published: Run) -> None:
    relaxed = dict(nexus.rows("SELECT check_id, what FROM nexus_import.relaxation WHERE run_id = %s", published.run_id))
    assert relaxed["phase_0/appointments_have_clinician_name"] == "mapping"
    assert relaxed["phase_3/patients_have_clinic"] == "severity"
    assert relaxed["phase_6/documents_have_patient"] == "allowance"


@pytest.mark.parametrize(
    ("check", "layout", "trouble"),
    [
        ("phase_5/notes_have_patient", "API_Notes", "patient_not_imported"),
        ("phase_5/note_count_matches", "API_Notes", "patient_not_imported"),
        ("phase_5/patient_referrer_count_matches", "API_ContactToReferrer", "repeated"),
        ("phase_5/referrer_company_count_matches", "API_ReferrerToCompany_Join", "repeated"),
        ("phase_5/messages_have_their_patient", "API_Messages", "contact_gone"),
    ],
)
def test_each_trouble_is_listed_by_its_record(published: Run, check: str, layout: str, trouble: str) -> None:
    named = {record for record, *_ in published.findings(check)}
    assert named == set(published.installation.truth["troubles"][layout][trouble])


def test_coordinators_are_one_row_for_each_name_and_linked_to_their_patients(nexus: Installation) -> None:
    contacts = json.loads((nexus.parts.clinic / "filemaker" / "API_Contacts.json").read_text())["records"]
    named = {
        contact["fieldData"]["id"].upper(): contact["fieldData"][COORDINATOR]
        for contact in contacts
        if contact["fieldData"][COORDINATOR]
    }
    assert len(set(named.values())) < len(named)
    linked = nexus.rows(
        "SELECT upper(p.filemaker_metadata ->> 'filemaker_id'), c.first_name || ' ' || c.last_name || ' - ' ||"
        " c.organization FROM patient_coordinators JOIN patients p ON p.id = patient_id"
        " JOIN coordinators c ON c.id = coordinator_id JOIN nexus_import.identity AS born"
        " ON born.entity = 'patient_coordinator' AND born.nexus_id = patient_coordinators.id"
    )
    assert sorted(linked) == sorted(named.items())
    balance = "SELECT what, reason, record_count FROM nexus_import.balance WHERE entity = 'coordinator'"
    assert {(what, reason): count for what, reason, count in nexus.rows(balance) if what != "read"} == {
        ("created", ""): len(set(named.values())),
        ("skipped", "out of scope by the rule named_before"): len(named) - len(set(named.values())),
        ("skipped", "out of scope by the rule unnamed"): len(contacts) - len(named),
    }


def test_no_coordinators_name_is_in_a_finding(nexus: Installation) -> None:
    names = {name for (name,) in nexus.rows("SELECT last_name FROM coordinators")}
    findings = str(nexus.rows("SELECT * FROM nexus_import.finding WHERE entity LIKE '%%coordinator%%'"))
    assert not [name for name in names if name in findings]


def test_second_run_plans_nothing(published: Run) -> None:
    second = Run(published.installation, published.dag, PARAMETERS, answer="Approve").go()
    assert second.errors == {}
    plan = second.results["publish.make_plan"]
    assert [plan[f"{what}_count"] for what in ("added", "changed", "removed")] == [0, 0, 0]


def test_specialty_is_found_in_whatever_case_and_an_unknown_one_is_listed(published: Run) -> None:
    control, referrers = published.installation.simulator.control, referrers_of(published.installation)
    first, second = list(referrers)[:2]
    practised = {referrer["contactType"] for referrer in referrers.values() if referrer["contactType"]}
    other = min(practised - {referrers[first]["contactType"]})
    control.edit_record("API_Referrer", first, {"contactType": f" {other.upper()}. "})
    control.edit_record("API_Referrer", second, {"contactType": "Surgeoness"})
    run = Run(published.installation, published.dag, PARAMETERS).go(until="publish.make_plan")
    for record in (first, second):
        control.edit_record("API_Referrer", record, referrers[record])
    assert run.errors == {}
    assert [(record, field) for record, _, _, field in run.findings(SPECIALTIES)] == [(second, "contactType")]
    planned = run.installation.rows(
        "SELECT table_name, row_id::text, action, changed_columns FROM nexus_import.plan_row"
        " JOIN nexus_import.plan USING (plan_id) WHERE run_id = %s",
        run.run_id,
    )
    referrer = run.installation.value(
        "SELECT id::text FROM referrers WHERE upper(filemaker_id::text) = %s", referrers[first]["id"].upper()
    )
    assert planned == [("referrers", referrer, "change", ["specialty_id"])]


def test_slips_in_details_and_optional_layouts_are_named(published: Run, tmp_path: Path) -> None:
    slips = {
        "contact_detail.yaml": (
            "field: ph}",
            "field: phon}",
            "columns.value.field: .+ has no field phon .nearest: ph.",
        ),
        "company.yaml": ("layout: API_Company", "layout: API_Compny", "layout: .+ no layout .+'API_Company'"),
        "patient_referrer.yaml": ("id_Perscriber]", "id_Prescriber]", "key: .+ .nearest: id_Perscriber."),
    }
    expected = []
    with own_include(tmp_path) as folder:
        for name, (right, wrong, says) in slips.items():
            path = folder / "mapping" / "reference" / name
            text = path.read_text()
            path.write_text(text.replace(right, wrong))
            expected.append(f"{name} line {text[: text.index(right)].count(chr(10)) + 1}: {says}")
        run = Run(published.installation, published.dag, PARAMETERS).go(until=VERIFY)
    said = str(run.errors[VERIFY]).splitlines()[1:]
    assert len(said) == len(slips)
    assert [place for place in expected if not any(re.match(place, line) for line in said)] == [], said


OPTIONAL = [
    "company",
    "coordinator",
    "message",
    "patient_coordinator",
    "patient_referrer",
    "referrer",
    "referrer_company",
    "reply",
]
"""What the requirement does not know and this clinic maps."""
MESSAGES = [("message", "messages"), ("reply", "replies")]


@pytest.fixture
def copy(nexus: Installation) -> Iterator[Connection[Any]]:
    """A connection to the staged records and the working copy; what a test does there is forgotten."""
    with nexus.importer() as connection, connection.transaction(force_rollback=True):
        yield connection


def found_by(connection: Connection[Any], check_id: str) -> list[tuple[str, str | None]]:
    """Return entity and record id of what a check finds."""
    settings = Settings.load(PARAMETERS, "manual")
    result = run_check(connection, load_check(check_id, SourceNames(settings.mappings)), settings)
    return sorted((finding.entity, finding.record_id) for finding in result.findings)


@pytest.mark.parametrize("entity", OPTIONAL)
def test_row_that_the_import_lost_is_missed(copy: Connection[Any], entity: str) -> None:
    check_id = f"phase_5/{entity}_count_matches"
    before = found_by(copy, check_id)
    table = Settings.load(PARAMETERS, "manual").mappings[entity].table or ""
    lost = copy.execute(
        sql.SQL(
            "SELECT known.nexus_id, min(staged.record_id) FROM nexus_work.identity AS known"
            " JOIN {} AS staged USING (filemaker_id) JOIN {} AS present ON present.id = known.nexus_id"
            " WHERE known.entity = %s GROUP BY 1 ORDER BY 1 LIMIT 1"
        ).format(sql.Identifier("nexus_staging", entity), sql.Identifier("nexus_work", table)),
        (entity,),
    ).fetchone()
    assert lost is not None
    copy.execute(sql.SQL("DELETE FROM {} WHERE id = %s").format(sql.Identifier("nexus_work", table)), lost[:1])
    assert found_by(copy, check_id) == sorted([*before, (entity, lost[1])])


@pytest.mark.parametrize(("entity", "check"), MESSAGES)
def test_message_of_nobody_is_named(copy: Connection[Any], entity: str, check: str) -> None:
    check_id = f"phase_5/{check}_have_their_patient"
    before = found_by(copy, check_id)
    staged = sql.Identifier("nexus_staging", entity)
    (record,) = copy.execute(
        sql.SQL("SELECT record_id FROM {} WHERE NOT record_id = ANY(%s) ORDER BY 1 LIMIT 1").format(staged),
        ([record for _, record in before],),
    ).fetchone() or ("",)
    copy.execute(
        sql.SQL("UPDATE {} SET patient_id_filemaker_id = 'gone' WHERE record_id = %s").format(staged), (record,)
    )
    assert found_by(copy, check_id) == sorted([*before, (entity, record)])


def test_every_check_of_what_only_this_clinic_maps_is_tried() -> None:
    names = (PARAMETERS["configuration"], "default")
    own, others = (SourceNames(Settings.load({"configuration": name}).mappings) for name in names)
    files = [f"{path.parent.name}/{path.stem}" for path in (include_folder() / "sql" / "checks").rglob("*.sql")]
    only_here = {check for check in files if load_check(check, own).is_mapped > load_check(check, others).is_mapped}
    counts = {f"phase_5/{entity}_count_matches" for entity in OPTIONAL}
    assert only_here == counts | {f"phase_5/{name}_have_their_patient" for _, name in MESSAGES} | {SPECIALTIES}


def test_field_that_fills_three_entities_is_found_once(published: Run) -> None:
    """The contacts are read as patients, coordinators and coordinations; a person mends a field once."""
    control = published.installation.simulator.control
    contacts = json.loads((published.installation.parts.clinic / "filemaker" / "API_Contacts.json").read_text())
    record = next(one for one in contacts["records"] if one["fieldData"][COORDINATOR])["recordId"]
    control.edit_record("API_Contacts", record, {"NDIS Plan Start Date": "01/13/0024", "id": "4711.0"})
    stopped = Run(published.installation, published.dag, PARAMETERS).go()
    assert not stopped.is_green
    found = published.installation.rows(
        "SELECT entity, field FROM nexus_import.finding WHERE run_id = %s AND record_id = %s"
        " AND check_id = 'phase_0/values_are_readable' ORDER BY field",
        *(stopped.run_id, record),
    )
    assert found == [("patient", "NDIS Plan Start Date"), ("patient", "id")]
