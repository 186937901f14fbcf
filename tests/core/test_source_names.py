"""Placeholders in the texts and queries of checks: they become the names that a clinic's own mapping uses."""

from __future__ import annotations

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.source_names import SourceNames

EVENT = EntityMapping.model_validate(
    {
        "entity": "appointment",
        "layout": "Events",
        "key": "EventID",
        "label": "appointments",
        "columns": {
            "clinic_id": {"field": "Calendar", "lookup": "clinics"},
            "start_time": {"field": "Day", "time_field": "From", "type": "wall_time"},
            "end_time": {"field": "Day", "time_field": "To", "type": "wall_time"},
        },
    }
)
SOURCE = SourceNames({"appointment": EVENT})


def test_layout_key_and_field_are_the_mappings_own() -> None:
    text = "Fill {field:appointment.clinic_id} ({key:appointment}) of layout {layout:appointment}"
    assert SOURCE.fill(text) == "Fill Calendar (EventID) of layout Events"


def test_moment_is_both_its_fields_and_several_columns_name_each_field_once() -> None:
    assert SOURCE.fill("{field:appointment.start_time}") == "Day, From"
    assert SOURCE.fill("{field:appointment.start_time,end_time,clinic_id}") == "Day, From, To, Calendar"


def test_what_is_not_mapped_is_said_to_be() -> None:
    assert SOURCE.fill("{field:appointment.clinician_id}") == "clinician_id (no field is mapped to it)"
    assert SOURCE.fill("{layout:letter}") == "layout of letter (not mapped)"
    assert SOURCE.layout("letter") is None


def test_other_braces_stay() -> None:
    text = "SELECT '{}'::jsonb, '[0-9]{1,9}', {columns}"
    assert SOURCE.fill(text) == text
    assert list(SOURCE.parts("a {key:appointment} b")) == [("a ", False), ("EventID", True), (" b", False)]
