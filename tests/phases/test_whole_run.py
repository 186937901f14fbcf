"""A whole run on real parts: what live Nexus holds after it, and what a second run finds to do."""

from __future__ import annotations

import json
from typing import Any


def test_run_publishes_the_clinic_and_a_second_run_plans_nothing(installation: Any, new_run: Any) -> None:
    run = new_run().go()
    assert run.errors == {}
    assert run.is_green
    truth = installation.truth
    patients = dict(installation.rows("SELECT upper(filemaker_metadata ->> 'filemaker_id'), id::text FROM patients"))
    assert set(patients) == set(truth["patients"])
    assert {fm: nexus for fm, nexus in truth["patients"].items() if nexus and patients[fm] != nexus} == {}

    second = new_run().go()
    assert second.is_green
    assert second.results["publish.make_plan"]["added_count"] == 0
    assert second.results["publish.make_plan"]["changed_count"] == 0
    assert second.results["publish.make_plan"]["removed_count"] == 0


def test_number_that_filemaker_empties_goes_and_nobody_is_looked_for_by_it(installation: Any, new_run: Any) -> None:
    assert new_run().go().is_green
    layout = json.loads((installation.parts.clinic / "filemaker" / "API_Contacts.json").read_text())
    record = next(one for one in layout["records"] if one["fieldData"]["Health Number"])
    installation.simulator.control.edit_record("API_Contacts", record["recordId"], {"Health Number": ""})
    query = "SELECT health_number FROM patients WHERE lower(filemaker_metadata ->> 'filemaker_id') = %s"
    filemaker_id = record["fieldData"]["id"].lower()
    assert installation.value(query, filemaker_id)
    run = new_run().go()
    assert run.is_green
    assert run.findings("publish/search_finds_patient") == []
    assert installation.value(query, filemaker_id) is None
