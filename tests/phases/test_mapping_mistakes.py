"""A mapping that fits neither FileMaker nor Nexus: the run stops before it reads a record, and names all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.copies import own_include
from tests.support.installation import Installation

VERIFY = "phase_0_validate.verify_filemaker"


def edit(folder: Path, file: str, former: str, new: str) -> int:
    """Change a mapping file; return the line that was changed."""
    path = folder / "mapping" / file
    text = path.read_text()
    assert text.count(former) == 1
    path.write_text(text.replace(former, new))
    return text[: text.index(former)].count("\n") + 1


def test_run_stops_before_reading_and_names_every_mistake_of_every_file(
    installation: Installation, new_run: Any, tmp_path: Path
) -> None:
    before = installation.live()
    with own_include(tmp_path) as folder:
        places = {
            "columns.middel_names: patients has no such column (nearest: middle_names)": (
                "patient.yaml",
                edit(folder, "patient.yaml", "middle_names:", "middel_names:"),
            ),
            "columns.dob.type: integer does not fit the column, which is date: choose date": (
                "patient.yaml",
                edit(folder, "patient.yaml", "{field: DOB, type: date}", "{field: DOB, type: integer}"),
            ),
            "columns.content.field: Layout API_Notes in FileMaker has no field Nope (nearest: Note)": (
                "note.yaml",
                edit(folder, "note.yaml", "{field: Note, clinical", "{field: Nope, clinical"),
            ),
            "layout: FileMaker database 'Clinic' has no layout 'API_Letter' (code 105). "
            "The nearest of its 7 layouts is 'API_Letters'.": (
                "letter.yaml",
                edit(folder, "letter.yaml", "layout: API_Letters", "layout: API_Letter"),
            ),
        }
        run = new_run().go()
    said = str(run.errors[VERIFY]).splitlines()
    assert said[0] == "4 mistakes, correct them all:"
    for sentence, (file, line) in places.items():
        assert [text for text in said if text.startswith(f"{file} line {line}: {sentence}")], sentence
    assert run.states["phase_0_validate.fetch_patients"] == "upstream_failed"
    assert run.last_words.endswith(f"Clear {VERIFY} with downstream.")
    assert installation.live() == before


def test_fields_of_an_entity_made_of_another_ones_records_are_looked_for_too(new_run: Any, tmp_path: Path) -> None:
    with own_include(tmp_path, tables={"coordinators": "imported"}, vanished={"coordinators": "keep"}) as folder:
        own = folder / "mapping" / "coordinator.yaml"
        text = (folder / "mapping" / "reference" / own.name).read_text()
        own.write_text(text.replace("NDIS Coordinator Name, part: last_name", "Nme_Last, part: last_name"))
        lines = own.read_text().splitlines()
        run = new_run().go(until=VERIFY)
    said = str(run.errors[VERIFY]).splitlines()
    number = next(number for number, line in enumerate(lines, 1) if "Nme_Last" in line)
    expected = f"coordinator.yaml line {number}: columns.last_name.field: Layout API_Contacts in FileMaker has no field"
    assert [text for text in said if text.startswith(f"{expected} Nme_Last (nearest: ")], said
