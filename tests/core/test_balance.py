"""The balance of an entity: what is left over when everything with a name is taken off."""

from __future__ import annotations

import pytest
from nexus_import.core.balance import EntityBalance, plural


def test_balance_is_said_in_one_line() -> None:
    balance = EntityBalance(
        "appointments", 15149, 120, 3, 9712, {"out of scope by the rule no_patient": 5312}, {"no FileMaker id": 2}
    )
    assert balance.unexplained == 0
    assert balance.sentence() == (
        "appointments: 15,149 read = 120 created + 3 updated + 9,712 unchanged"
        " + 5,312 skipped (out of scope by the rule no_patient 5,312) + 2 rejected (no FileMaker id 2)"
    )


def test_what_nobody_can_explain_is_shouted() -> None:
    assert EntityBalance("notes", 10, 9).unexplained == 1
    assert EntityBalance("notes", 10, 9).sentence().endswith(" + 1 UNEXPLAINED")
    assert EntityBalance("notes", 10, 11).unexplained == -1


@pytest.mark.parametrize(
    ("entity", "words"), [("patient", "patients"), ("reply", "replies"), ("referrer_company", "referrer companies")]
)
def test_several_records_are_called_as_people_call_them(entity: str, words: str) -> None:
    assert plural(entity) == words
