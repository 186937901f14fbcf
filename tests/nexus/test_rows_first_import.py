"""What the first import makes of rows that Nexus has already; one run, looked at from several sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.core.values import new_nexus_id

from tests.nexus.live_rows import add_note, add_patient
from tests.nexus.quick_run import FileMaker, QuickRun, make_quick_run
from tests.support.copies import connected
from tests.support.installation import Installation, start_installation

WORDS = "the same\nwords"
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


@dataclass
class Prepared:
    """The run, and the rows and records that were put in its way."""

    run: QuickRun
    installation: Installation
    respelt: str
    enriched: str
    newcomer: str
    bare: str
    noted: str
    equal_records: list[str]
    equal_rows: list[str]

    def planned(self, nexus_id: Any) -> list[tuple[str, list[str]]]:
        """Return action and changed columns of a row in the plan."""
        return self.installation.rows(
            "SELECT action, changed_columns FROM nexus_import.plan_row JOIN nexus_import.plan USING (plan_id)"
            " WHERE run_id = %s AND row_id = %s",
            *(self.run.run_id, nexus_id),
        )


@pytest.fixture(scope="module")
def prepared(parts: Any, dag: Any) -> Iterator[Prepared]:
    filemaker = FileMaker(parts)
    with start_installation(parts) as installation, connected(installation):
        truth = installation.truth
        unchanged = [
            key for key, nexus_id in truth["patients"].items() if nexus_id and key not in truth["changed_patients"]
        ]
        respelt, enriched = unchanged[:2]
        installation.execute(
            "UPDATE patients SET filemaker_metadata ="
            " filemaker_metadata || jsonb_build_object('filemaker_id', %s::text) WHERE id = %s",
            *(respelt.swapcase(), truth["patients"][respelt]),
        )
        installation.execute(
            "UPDATE patients SET archived = true, mrn = 'M-1', contact_json = '{\"kept\": 1}', notes = 'kept',"
            ' filemaker_metadata = filemaker_metadata || \'{"xero_contact_id": "kept"}\' WHERE id = %s',
            truth["patients"][enriched],
        )
        filemaker.fields("patient", enriched)["title"] = "Prof"
        newcomer = filemaker.add_like("patient", enriched, nameFirst="New", title="")
        bare, noted = (
            add_patient(installation, filemaker_metadata=f'{{"filemaker_id": "GONE-{name}"}}') for name in ("B", "N")
        )
        add_note(installation, noted, "written in Nexus")
        model = next(key for key, note in truth["notes"].items() if note["nexus_id"])
        author = truth["patients"][truth["notes"][model]["patient"]]
        records = [filemaker.add_like("note", model, Note=WORDS.replace("\n", "\r")) for _ in range(2)]
        rows = [add_note(installation, author, WORDS, created_at=day) for day in DAYS]
        run = make_quick_run(installation, dag, filemaker, mode="rehearse")
        run.go(until="publish.make_plan")
        assert run.errors == {}
        yield Prepared(run, installation, respelt, enriched, newcomer, bare, noted, records, rows)


def test_same_id_in_another_case_is_the_same_patient_and_no_change(prepared: Prepared) -> None:
    assert prepared.planned(prepared.installation.truth["patients"][prepared.respelt]) == []


def test_columns_without_a_field_keep_what_nexus_has(prepared: Prepared) -> None:
    assert prepared.planned(prepared.installation.truth["patients"][prepared.enriched]) == [("change", ["title"])]


def test_new_patient_gets_the_applications_defaults(prepared: Prepared) -> None:
    nexus_id = new_nexus_id("patient", prepared.newcomer.lower())
    assert prepared.planned(nexus_id) == [("add", [])]
    made = prepared.installation.rows(
        "SELECT first_name, title, archived, mrn, contact_json, plan_dates_json, filemaker_metadata,"
        " created_at = updated_at AND created_at > now() - interval '1 hour' FROM nexus_work.patients WHERE id = %s",
        nexus_id,
    )
    assert made == [("New", None, False, None, {}, [], {"filemaker_id": prepared.newcomer}, True)]


def test_patient_that_left_filemaker_is_removed_only_if_nexus_has_nothing_of_its_own(prepared: Prepared) -> None:
    assert prepared.run.results["phase_3_patients.import_patients"]["kept_vanished_count"] == 1
    assert prepared.planned(prepared.bare) == [("remove", [])]
    assert prepared.planned(prepared.noted) == []


def test_equal_notes_are_adopted_one_for_one_the_oldest_first(prepared: Prepared) -> None:
    query = "SELECT nexus_id::text FROM nexus_work.identity WHERE entity = 'note' AND filemaker_id = %s"
    adopted = [prepared.installation.value(query, key.lower()) for key in prepared.equal_records]
    assert adopted == prepared.equal_rows[:2]
    assert prepared.equal_rows[2] in {str(found[2]) for found in prepared.run.findings("phase_5/surplus_note_copies")}
    count = "SELECT count(*) FROM nexus_work.notes WHERE content = %s"
    assert prepared.installation.value(count, WORDS) == 3
