"""Checks speak of FileMaker as the clinic's own mapping does: no check knows a layout or a field by itself."""

from __future__ import annotations

import re

import pytest
from nexus_import.core.mapping import EntityMapping, load_mappings
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import FOLDER, Check, load_check
from nexus_import.nexus.sql import include_folder

SHIPPED = load_mappings(include_folder() / "mapping")
CHECKS = sorted(
    path.relative_to(include_folder() / "sql" / FOLDER).with_suffix("").as_posix()
    for path in (include_folder() / "sql" / FOLDER).rglob("*.sql")
)
SAME_WORD_AS_A_COLUMN = {"title", "status", "note", "subject", "id", "Type", "To", "Date", "Body", "Note", "Title"}
"""Fields whose name is also a word or a column of Nexus."""


def renamed(mapping: EntityMapping) -> EntityMapping:
    """Return the mapping of a clinic that names everything its own way."""
    changed = mapping.model_dump()
    changed |= {"layout": f"Ganz_{mapping.layout}_anders", "key": "Schlüssel"}
    for name, column in changed["columns"].items():
        column["field"] = f"Feld für {name}"
        column["time_field"] = column["time_field"] and f"Uhrzeit für {name}"
    return EntityMapping.model_validate(changed)


ELSEWHERE = SourceNames({entity: renamed(mapping) for entity, mapping in SHIPPED.items()})


def said(check: Check) -> str:
    """Return everything that the check may say: its texts, and the literals of its query."""
    return "\n".join([check.title, check.todo, check.field or "", check.query.as_string()])


@pytest.mark.parametrize("check_id", CHECKS)
def test_no_check_names_a_layout_or_field_of_another_clinic(check_id: str) -> None:
    text = said(load_check(check_id, ELSEWHERE))
    assert not re.search(r"\{(layout|key|field):", text)
    named = {
        name
        for mapping in SHIPPED.values()
        for name in [*mapping.fields(), mapping.layout]
        if name not in SAME_WORD_AS_A_COLUMN and name not in mapping.columns
    }
    # A query's own literals, and its texts: columns of tables are no fields.
    spoken = [*re.findall(r"'([^']*)'", text), *text.splitlines()[:2]]
    assert [(name, words) for name in named for words in spoken if re.search(rf"\b{re.escape(name)}\b", words)] == []


def test_names_come_from_the_mapping() -> None:
    check = load_check("phase_4/appointments_have_clinic", ELSEWHERE)
    assert check.field == "Feld für clinic_id"
    assert (
        check.todo == "Correct Feld für clinic_id of these records of layout Ganz_API_Appointments_anders in FileMaker"
    )
    assert "'Feld für clinic_id' AS field" in check.query.as_string()


def test_shipped_names_are_the_sequences_own() -> None:
    check = load_check("phase_0/appointments_have_clinic_name", SourceNames(SHIPPED))
    assert check.title == "All appointments have clinic_name"
    assert check.todo == "Fill clinic_name of these records of layout API_Appointments in FileMaker"


@pytest.mark.parametrize("check_id", CHECKS)
def test_every_column_that_a_shipped_check_names_is_mapped(check_id: str) -> None:
    check = load_check(check_id, SourceNames(SHIPPED))
    text = said(check) if check.is_mapped else ""
    assert "is mapped to it)" not in text
    assert "(not mapped)" not in text
