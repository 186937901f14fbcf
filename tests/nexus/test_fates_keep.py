"""`nexus_only: keep`: a row that FileMaker no longer has goes, unless anything of Nexus's own is on it; one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from nexus_import.nexus.links import Link, read_links

from tests.nexus.live_rows import STARTED, add_appointment, add_document, add_patient
from tests.nexus.lost_rows import (
    fates,
    lose_appointment,
    lose_note,
    lose_patient,
    planned,
    refer,
    removed,
)
from tests.nexus.quick_run import FileMaker, QuickRun, make_quick_run
from tests.nexus.strange_schema import GENERIC_LINKS, PLAIN_LINKS, TABLES, declare, make_strange
from tests.support.copies import connected, own_include
from tests.support.installation import Installation, start_installation

CHAIN = 40
OWN = {
    "mrn": "M-7",
    "notes": "calls back",
    "contact_json": '{"phones": [{"number": "0400 000 000"}]}',
    "address_json": '{"suburb": "Newcastle"}',
    "funding_source": "private",
    "plan_start_date": "2026-01-01",
}
NOTHING = {
    "contact_json": "{}",
    "address_json": None,
    "flags_json": "{}",
    "plan_dates_json": "[]",
    "notes": "",
    "archived": True,
    "archived_by": "somebody",
}
NEEDED: dict[str, dict[str, Any]] = {
    "measurements": {"taken_on": "2026-02-02"},
    "documents_document": {"s3_key": "documents/scan.pdf"},
}
"""Values that rows of these tables cannot be without."""
VANISHED = ("removed", "vanished", None)


@dataclass
class Kept:
    """The run, and the rows that were lost before it, by what is on them."""

    run: QuickRun
    installation: Installation
    rows: dict[str, str] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def fate(self, name: str, table: str = "patients") -> tuple[str, str, str | None] | None:
        return fates(self.run, table).get(self.rows[name])


def unplanned_links(installation: Installation) -> dict[str, Link]:
    """Return every link to patients and appointments, the strange ones too, but for those between the two."""
    with installation.importer() as connection:
        return {
            f"{link.name} -> {link.parent_table}": link
            for link in read_links(connection, declare())
            if link.parent_table in ("patients", "appointments") and link.table != "appointments"
        }


def lose_rows(made: Kept, filemaker: FileMaker) -> None:
    installation, rows = made.installation, made.rows
    rows["bare"] = lose_patient(installation)
    rows["nothing of its own"] = lose_patient(installation, **NOTHING)
    for column, value in OWN.items():
        rows[column] = lose_patient(installation, **{column: value})
    clinic = installation.value("SELECT min(id::text) FROM clinics")
    for name, link in made.links.items():
        lost_patient = link.parent_table == "patients"
        rows[name] = (
            lose_patient(installation, clinic_id=clinic) if lost_patient else lose_appointment(installation, None)
        )
        refer(installation, link, rows[name], **NEEDED.get(link.table, {}))
    _lose_appointments(made)
    _lose_notes(made)
    _merge_patients(made, filemaker)
    rows["typed"] = add_patient(installation)
    rows["booked"] = add_appointment(installation, rows["typed"])


def _lose_appointments(made: Kept) -> None:
    installation, rows = made.installation, made.rows
    rows["patient of bare appointment"] = lose_patient(installation)
    rows["bare appointment"] = lose_appointment(installation, rows["patient of bare appointment"])
    rows["completed"] = lose_appointment(installation, None, status="completed")
    rows["cancelled"] = lose_appointment(installation, None, status="cancelled")
    parent = None
    for number in range(CHAIN):
        rows[f"patient {number}"] = lose_patient(installation)
        rows[f"link {number}"] = parent = lose_appointment(
            installation, rows[f"patient {number}"], parent_appointment_id=parent, status="scheduled"
        )
    # Only the youngest of the chain has anything of Nexus's own on it, and that hangs on another patient.
    encounter = {"patient_id": next(filter(None, installation.truth["patients"].values()))}
    refer(installation, made.links["encounters.appointment_id -> appointments"], str(parent), **encounter)


def _lose_notes(made: Kept) -> None:
    installation, rows = made.installation, made.rows
    rows["patient of edited note"] = lose_patient(installation)
    rows["edited note"] = lose_note(installation, rows["patient of edited note"], "written in Nexus")
    rows["patient of plain note"] = lose_patient(installation)
    rows["plain note"] = lose_note(installation, rows["patient of plain note"])


def _merge_patients(made: Kept, filemaker: FileMaker) -> None:
    """Let FileMaker give everything that a patient had to another one."""
    installation, rows = made.installation, made.rows
    for name, own in (("merged", {}), ("merged with phone", {"mrn": "M-8"})):
        rows[name] = lose_patient(installation, **own)
        into = filemaker.fields("document", filemaker.ids("document")[0])["patient_id"]
        rows[f"{name} into"] = installation.truth["patients"][into] or ""
        key = filemaker.add_like("document", filemaker.ids("document")[0])
        rows[f"document of {name}"] = add_document(installation, rows[name], filemaker_id=key)
        event = filemaker.add_like("appointment", filemaker.ids("appointment")[0], patient_id=into)
        rows[f"appointment of {name}"] = add_appointment(
            installation, rows[name], filemaker_event_id=event, start_time=STARTED
        )


@pytest.fixture(scope="module")
def kept(parts: Any, dag: Any, first_run: QuickRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    filemaker = FileMaker(parts)
    template = first_run.installation.database.database
    policy = {
        "tables": dict.fromkeys(TABLES, "kept") | {"reporting.visits": "untouched"},
        "plain_links": PLAIN_LINKS,
        "generic_links": GENERIC_LINKS,
    }
    with (
        start_installation(parts, template) as installation,
        connected(installation),
        own_include(tmp_path_factory.mktemp("keep"), **policy),
    ):
        make_strange(installation)
        made = Kept(make_quick_run(installation, dag, filemaker), installation, links=unplanned_links(installation))
        lose_rows(made, filemaker)
        made.run.go(until="publish.make_plan")
        assert made.run.errors == {}
        yield made


def test_run_passed_every_gate(kept: Kept) -> None:
    failed = "SELECT check_id, sentence FROM nexus_import.check_result WHERE run_id = %s AND NOT is_passed"
    assert kept.installation.rows(failed, kept.run.run_id) == []
    assert "publish.make_plan" in kept.run.results


@pytest.mark.parametrize("name", ["bare", "nothing of its own", "patient of bare appointment", "patient of plain note"])
def test_patient_with_nothing_of_nexus_own_goes(kept: Kept, name: str) -> None:
    assert kept.fate(name) == VANISHED
    assert kept.rows[name] in planned(kept.run, "remove")["patients"]


@pytest.mark.parametrize("column", OWN)
def test_value_that_no_field_fills_keeps_a_patient(kept: Kept, column: str) -> None:
    assert kept.fate(column) == ("kept", "vanished", f"{column} holds what only Nexus knows")


def test_every_link_keeps_what_it_refers_to(kept: Kept) -> None:
    assert len(kept.links) > 35
    found = {name: kept.fate(name, link.parent_table) for name, link in kept.links.items()}
    expected = {name: ("kept", "vanished", f"referred to by {link.name}") for name, link in kept.links.items()}
    assert found == expected


def test_appointment_with_nothing_of_nexus_own_goes_with_its_patient(kept: Kept) -> None:
    assert kept.fate("bare appointment", "appointments") == VANISHED
    assert kept.fate("cancelled", "appointments") == VANISHED


def test_status_that_somebody_set_keeps_an_appointment(kept: Kept) -> None:
    assert kept.fate("completed", "appointments") == ("kept", "vanished", "status holds what only Nexus knows")


def test_chain_of_lost_rows_is_kept_to_its_end(kept: Kept) -> None:
    appointments = [kept.fate(f"link {number}", "appointments") for number in range(CHAIN)]
    own = "parent_appointment_id holds what only Nexus knows"
    assert {fate for fate, _, _ in filter(None, appointments)} == {"kept"}
    assert appointments[0] == ("kept", "vanished", "referred to by appointments.parent_appointment_id")
    assert appointments[-1] == ("kept", "vanished", own)
    patients = [kept.fate(f"patient {number}") for number in range(CHAIN)]
    assert patients == [("kept", "vanished", "referred to by appointments.patient_id")] * CHAIN


def test_text_that_was_edited_in_nexus_keeps_a_note_and_its_patient(kept: Kept) -> None:
    assert kept.fate("edited note", "notes") == ("kept", "vanished", "content was edited in Nexus")
    assert kept.fate("patient of edited note") == ("kept", "vanished", "referred to by notes.patient_id")
    assert kept.fate("plain note", "notes") == VANISHED


def test_patient_whose_rows_filemaker_gave_to_another_goes(kept: Kept) -> None:
    assert kept.fate("merged") == VANISHED
    assert kept.fate("merged with phone") == ("kept", "vanished", "mrn holds what only Nexus knows")


@pytest.mark.parametrize("name", ["merged", "merged with phone"])
def test_rows_of_merged_patients_follow_filemaker(kept: Kept, name: str) -> None:
    owner = "SELECT {}::text FROM nexus_work.{} WHERE id = %s"
    for kind, table, column in (
        ("document", "documents_document", "object_id"),
        ("appointment", "appointments", "patient_id"),
    ):
        row = kept.rows[f"{kind} of {name}"]
        assert kept.installation.value(owner.format(column, table), row) == kept.rows[f"{name} into"]


def test_rows_that_filemaker_never_had_stay_and_are_listed(kept: Kept) -> None:
    says = "the policy says nexus_only_rows: {}: keep"
    assert kept.fate("typed") == ("kept", "nexus_only", says.format("patients"))
    assert kept.fate("booked", "appointments") == ("kept", "nexus_only", says.format("appointments"))
    assert kept.rows["typed"] in {str(found[2]) for found in kept.run.findings("phase_2/nexus_only_patients")}
    assert kept.rows["booked"] in {str(found[2]) for found in kept.run.findings("phase_2/nexus_only_appointments")}


def test_plan_removes_exactly_what_was_decided(kept: Kept) -> None:
    assert planned(kept.run, "remove") == removed(kept.run)
    assert planned(kept.run, "remove").keys() == {"patients", "appointments", "notes"}


def test_every_lost_row_is_a_finding_with_what_becomes_of_it(kept: Kept) -> None:
    for entity, table in (("patients", "patients"), ("appointments", "appointments"), ("notes", "notes")):
        found = kept.installation.rows(
            "SELECT nexus_id::text, detail FROM nexus_import.finding WHERE run_id = %s AND check_id = %s",
            *(kept.run.run_id, f"phase_2/vanished_{entity}"),
        )
        decided = fates(kept.run, table)
        lost = {row: fate for row, fate in decided.items() if fate[1] == "vanished"}
        assert dict(found) == {row: ": ".join(filter(None, (fate, says))) for row, (fate, _, says) in lost.items()}
        assert len(found) == len(lost) > 0


def test_phase_counts_what_was_decided_about_patients_and_appointments(kept: Kept) -> None:
    counts = kept.run.results["phase_2_delete.delete_patients"]
    decided = [fate for table in ("patients", "appointments") for fate, _, _ in fates(kept.run, table).values()]
    assert counts["removed_count"] == decided.count("removed") > 0
    assert counts["kept_count"] == decided.count("kept") > 0
    assert counts["archived_count"] == decided.count("archived") == 0
