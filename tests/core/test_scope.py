"""Rules that put records out of scope: what they match, and which rules are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.core.mapping import EntityMapping, load_mappings
from nexus_import.core.scope import ScopeRule, find_scope
from nexus_import.errors import ConfigurationError

EVENT = {
    "entity": "appointment",
    "layout": "Events",
    "label": "appointments",
    "columns": {"patient_id": {"field": "patient", "reference": "patient"}},
}
NO_PATIENT = {"field": "patient", "empty": True, "then": "skip"}
HOLIDAY = {"field": "kind", "one_of": ["Public Holiday", "Lunch"], "then": "import"}
RULES = {"no_patient": ScopeRule.model_validate(NO_PATIENT), "holidays": ScopeRule.model_validate(HOLIDAY)}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"patient": "", "kind": "Review"}, "no_patient"),
        ({"patient": " \r\n", "kind": "Review"}, "no_patient"),
        ({"kind": "Lunch"}, "no_patient"),
        ({"patient": "A", "kind": "public  holiday"}, "holidays"),
        ({"patient": "A", "kind": "LUNCH"}, "holidays"),
        ({"patient": "A", "kind": "Lunch time"}, None),
        ({"patient": "A", "kind": ""}, None),
        ({"patient": "\ud800", "kind": ""}, None),
    ],
)
def test_first_rule_that_matches_decides(fields: dict[str, object], rule: str | None) -> None:
    assert find_scope(RULES, fields) == rule


def test_nothing_is_out_of_scope_unasked() -> None:
    mapping = EntityMapping.model_validate(EVENT)
    assert find_scope(mapping.out_of_scope, {"patient": ""}) is None
    shipped = load_mappings(Path(__file__).resolve().parents[2] / "include" / "mapping")
    assert {entity for entity, mapping in shipped.items() if mapping.out_of_scope} == set()


def test_field_that_only_a_rule_reads_must_be_on_the_layout_too() -> None:
    assert EntityMapping.model_validate(EVENT | {"out_of_scope": {"holidays": HOLIDAY}}).fields() == [
        "id",
        "patient",
        "kind",
    ]


@pytest.mark.parametrize(
    ("entity", "rule", "says"),
    [
        ("appointment", {"field": "kind", "then": "skip"}, "say either empty: true or one_of"),
        ("appointment", HOLIDAY | {"empty": True}, "say either empty: true or one_of"),
        ("appointment", NO_PATIENT | {"empty": False}, r"out_of_scope\.rule\.empty"),
        ("appointment", NO_PATIENT | {"then": "drop"}, r"out_of_scope\.rule\.then"),
        ("appointment", NO_PATIENT | {"feild": "x"}, r"out_of_scope\.rule\.feild"),
        ("note", HOLIDAY, r"out_of_scope\.rule\.then: import is for appointment only; choose skip"),
    ],
)
def test_rule_that_cannot_be_meant_is_refused(tmp_path: Path, entity: str, rule: dict[str, Any], says: str) -> None:
    content = EVENT | {"entity": entity, "out_of_scope": {"rule": rule}}
    (tmp_path / "events.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigurationError, match=rf"events\.yaml line \d+: .*{says}"):
        load_mappings(tmp_path)
