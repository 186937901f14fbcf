"""A look-up column: FileMaker's id before the name, and what happens where they say two things."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from nexus_import.core.mapping import ValueFinding, row_mapper

from tests.core.test_mapping import MAITLAND, NEWCASTLE, NEWCASTLE_KEY, read_small


def looked_up(name: str, filemaker_id: str, **more: Any) -> tuple[dict[str, Any], list[ValueFinding]]:
    column: dict[str, Any] = {"field": "clinic", "lookup": "clinics", "id_field": "clinic_key"}
    return read_small({"clinic": name, "clinic_key": filemaker_id}, clinic_id=column | more)


def test_row_is_found_by_id_before_name() -> None:
    row, findings = looked_up("", NEWCASTLE_KEY.upper())
    assert (row["clinic_id"], row["clinic_id_name"], findings) == (NEWCASTLE, "Newcastle", [])
    row, findings = looked_up("An old name", f"{{{NEWCASTLE_KEY}}}")
    assert (row["clinic_id"], row["clinic_id_name"], findings) == (NEWCASTLE, "An old name", [])
    row, findings = looked_up("maitland", "unknown to Nexus")
    assert (row["clinic_id"], findings) == (MAITLAND, [])


@pytest.mark.parametrize(
    ("name", "key", "found"), [("Maitland", "newcastle", NEWCASTLE), ("Newcastle", "elsewhere", NEWCASTLE)]
)
def test_id_and_name_of_two_rows_are_a_finding_and_the_id_counts(name: str, key: str, found: UUID) -> None:
    row, findings = looked_up(name, NEWCASTLE_KEY if key == "newcastle" else key)
    assert row["clinic_id"] == found
    assert [(finding.field, finding.check_id, finding.rule) for finding in findings] == [
        ("clinic_key", row_mapper.AGREE, "id and name disagree: they belong to two different rows in Nexus")
    ]


def test_id_that_nexus_does_not_have_stands_for_the_name() -> None:
    row, _ = looked_up("", "4711")
    assert (row["clinic_id"], row["clinic_id_name"], row["kept_columns"]) == (None, "4711", ["clinic_id"])
    row, findings = looked_up("", "", required=True)
    assert [finding.check_id for finding in findings] == [row_mapper.REQUIRED]
