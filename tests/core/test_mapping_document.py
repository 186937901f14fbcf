"""docs/mapping.md tells all there is: every key, option and type, with an example that can be loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nexus_import.core.mapping import COLUMN_TYPES, ColumnMapping, EntityMapping, load_mappings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "mapping.md").read_text()


@pytest.mark.parametrize(
    "name", [*EntityMapping.model_fields, *ColumnMapping.model_fields, *COLUMN_TYPES, "us", "iso", "us_or_iso"]
)
def test_everything_that_can_stand_in_a_mapping_is_explained(name: str) -> None:
    assert f"`{name}`" in DOCUMENT


def test_example_of_another_clinic_can_be_loaded(tmp_path: Path) -> None:
    example, rules = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "patient.yaml").write_text(example)
    event = "entity: appointment\nlabel: events\nlayout: L\ncolumns: {patient_id: {field: p, reference: patient}}\n"
    (tmp_path / "appointment.yaml").write_text(event + rules)
    mappings = load_mappings(tmp_path)
    assert mappings["patient"].layout == "Export Clients"
    assert set(mappings["appointment"].out_of_scope) == {"block_bookings", "holidays", "nameless"}


@pytest.mark.parametrize("option", re.findall(r"\| `(\{field: .*?\})` \|", DOCUMENT))
def test_example_of_each_option_can_be_loaded(tmp_path: Path, option: str) -> None:
    files = {"patient": option, "appointment": "{field: a}"}
    for entity, column in files.items():
        extra = "  appointment_type_id: {field: t, lookup: appointment_types}\n"
        text = f"entity: {entity}\nlabel: l\nlayout: L\ncolumns:\n  c: {column}\n{extra}"
        (tmp_path / f"{entity}.yaml").write_text(text)
    load_mappings(tmp_path)


def test_check_ids_in_the_document_exist() -> None:
    checks = set(re.findall(r"`(phase_0/[a-z_]+)`", DOCUMENT))
    files = {f"phase_0/{path.stem}" for path in (ROOT / "include" / "sql" / "checks" / "phase_0").glob("*.sql")}
    assert checks
    assert checks <= files | {"phase_0/values_are_readable"}
