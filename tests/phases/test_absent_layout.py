"""A FileMaker that lacks a layout which it may lack: said in the log, and the rows of Nexus are left as they are."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.copies import own_include

NOT_THERE = "API_Of_Another_Clinic"


def rename_layout(folder: Path, entity: str, **keys: Any) -> None:
    """Let the entity's mapping name a layout that FileMaker does not have."""
    path = folder / "mapping" / f"{entity}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | {"layout": NOT_THERE} | keys
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_notes_stay_when_their_layout_has_gone_and_are_known_when_it_is_back(
    installation: Any, new_run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert new_run().go().is_green
    notes = installation.live()["notes"]
    known = "SELECT filemaker_id, nexus_id FROM nexus_import.identity WHERE entity = 'note' ORDER BY 1"
    remembered = installation.rows(known)
    with own_include(tmp_path) as folder, caplog.at_level(logging.INFO, logger="nexus_import"):
        rename_layout(folder, "note")
        run = new_run().go()
    assert run.errors == {}
    assert run.is_green
    said = (
        f"layout: Layout {NOT_THERE} in FileMaker is not there: notes are left as they are; if FileMaker has it under"
    )
    assert re.search(rf"Phase 0: note\.yaml line 3: {said} another name, write that here", caplog.text)
    assert "6 layouts readable; not there: notes" in caplog.text
    assert "no notes (skipped: FileMaker has no such layout)" in caplog.text
    assert run.results["publish.make_plan"]["removed_count"] == 0
    assert installation.live()["notes"] == notes
    assert installation.rows(known) == remembered != []

    again = new_run().go()
    assert again.is_green
    plan = again.results["publish.make_plan"]
    assert [plan[f"{what}_count"] for what in ("added", "changed", "removed")] == [0, 0, 0]


def test_layout_that_must_be_there_stops_the_run(installation: Any, new_run: Any, tmp_path: Path) -> None:
    before = installation.live()
    with own_include(tmp_path) as folder:
        rename_layout(folder, "note", optional=False)
        run = new_run().go()
    assert not run.is_green
    assert run.states["phase_0_validate.verify_filemaker"] == "failed"
    assert NOT_THERE in str(run.errors["phase_0_validate.verify_filemaker"])
    assert installation.live() == before


def test_patient_of_a_note_stays_while_notes_are_not_read(installation: Any, new_run: Any, tmp_path: Path) -> None:
    assert new_run().go().is_green
    [(patient, filemaker_id)] = installation.rows(
        "SELECT p.id, p.filemaker_metadata ->> 'filemaker_id' FROM patients p"
        " JOIN nexus_import.identity k ON k.entity = 'note' JOIN notes n ON n.id = k.nexus_id AND n.patient_id = p.id"
        " ORDER BY p.id LIMIT 1"
    )
    layout = json.loads((installation.parts.clinic / "filemaker" / "API_Contacts.json").read_text())
    [record] = [r["recordId"] for r in layout["records"] if r["fieldData"]["id"].lower() == filemaker_id.lower()]
    installation.simulator.control.delete_record("API_Contacts", record)
    with own_include(tmp_path) as folder:
        rename_layout(folder, "note")
        run = new_run().go()
    assert patient in {row[0] for row in installation.rows("SELECT id FROM patients")}
    assert run.states["phase_2_delete.delete_patients"] == "success"
