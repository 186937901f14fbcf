"""The first import into a Nexus without patients: it is shown to a person, and it is whole."""

from __future__ import annotations

from typing import Any

from nexus_import.settings import read_policy

from tests.support.installation import Installation


def test_first_import_into_an_empty_nexus_asks_a_person(installation: Installation, new_run: Any) -> None:
    tables = ", ".join(read_policy().copied_tables)
    installation.execute(f"TRUNCATE {tables} CASCADE")
    run = new_run().go(until="publish.decide")
    assert run.results["publish.decide"] == "publish.approve_plan"
    run.answer = "Reject"
    run.go()
    assert "28 patients would be added where Nexus has none" in run.questions[0]
    assert run.last_words.startswith("❌ Rejected by admin. Live Nexus is unchanged.")
    assert installation.value("SELECT count(*) FROM patients") == 0

    run.answer = "Approve"
    assert run.clear(run.named_task).go().is_green
    patients = installation.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id') FROM patients")
    assert {key for (key,) in patients} == set(installation.truth["patients"])
