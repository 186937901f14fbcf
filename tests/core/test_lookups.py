"""Look-ups: ids, names, codes and aliases, and names that say nothing."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_import.core.mapping import Lookup, LookupRow
from nexus_import.core.values import fold_name

FIRST, SECOND, THIRD = (UUID(int=number) for number in range(1, 4))


def nexus_id_of(lookup: Lookup, name: str) -> UUID | None:
    found = lookup.find(name)
    return found.nexus_id if found else None


@pytest.mark.parametrize("name", ["Dr. Smith", "dr smith", "DR  SMITH", "Dr Smith,"])
def test_row_is_found_whatever_the_case_blanks_and_punctuation(name: str) -> None:
    assert nexus_id_of(Lookup.from_rows([LookupRow(FIRST, "Dr. Smith")]), name) == FIRST


@pytest.mark.parametrize("other", ["NEWCASTLE ", "New-castle", "Newcastle."])
def test_name_that_two_rows_share_finds_nothing(other: str) -> None:
    same = fold_name(other) == fold_name("Newcastle")
    lookup = Lookup.from_rows([LookupRow(FIRST, "Newcastle"), LookupRow(SECOND, other), LookupRow(THIRD, "Maitland")])
    assert (lookup.find("Newcastle") is None) == lookup.is_ambiguous("newcastle ") == same
    assert not lookup.is_ambiguous("Maitland")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_names_that_fold_alike_never_find_one_of_their_rows(names: list[str]) -> None:
    rows = [LookupRow(UUID(int=number), name) for number, name in enumerate(names, start=1)]
    lookup = Lookup.from_rows(rows)
    for row in rows:
        alike = [other for other in rows if fold_name(other.name) == fold_name(row.name)]
        assert lookup.find(row.name) == (row if len(alike) == 1 and fold_name(row.name) else None)
        assert lookup.is_ambiguous(row.name) == (len(alike) > 1)


def test_alias_leads_to_the_nexus_name_and_never_hides_one() -> None:
    rows = [LookupRow(FIRST, "Newcastle"), LookupRow(SECOND, "Maitland")]
    lookup = Lookup.from_rows(rows, {"NCL ": "newcastle", "Perth": "no such clinic", "Maitland": "Newcastle"})
    assert nexus_id_of(lookup, "ncl") == FIRST
    assert nexus_id_of(lookup, "Perth") is None
    assert nexus_id_of(lookup, "Maitland") == SECOND


def test_alias_cannot_decide_between_two_rows() -> None:
    rows = [LookupRow(FIRST, "Newcastle"), LookupRow(SECOND, "Newcastle"), LookupRow(THIRD, "Maitland")]
    lookup = Lookup.from_rows(rows, {"Newcastle": "Maitland"})
    assert nexus_id_of(lookup, "Newcastle") is None
    assert lookup.is_ambiguous("Newcastle")


def test_funding_is_found_by_its_code_after_its_name() -> None:
    rows = [
        LookupRow(FIRST, "National Disability Insurance", code="NDIS"),
        LookupRow(SECOND, "Private", code="X1"),
        LookupRow(THIRD, "X1"),
    ]
    lookup = Lookup.from_rows(rows, {"disability": "ndis"})
    assert nexus_id_of(lookup, "ndis") == nexus_id_of(lookup, "Disability") == FIRST
    assert nexus_id_of(lookup, "x1") == THIRD
    assert not lookup.is_ambiguous("x1")


def test_code_that_two_rows_share_finds_nothing() -> None:
    rows = [LookupRow(FIRST, "One", code="C"), LookupRow(SECOND, "Two", code="c")]
    lookup = Lookup.from_rows(rows)
    assert lookup.find("c") is None
    assert lookup.is_ambiguous("C")
    assert nexus_id_of(lookup, "One") == FIRST


def test_code_cannot_decide_between_two_rows_of_that_name() -> None:
    lookup = Lookup.from_rows([LookupRow(FIRST, "X1"), LookupRow(SECOND, "x1"), LookupRow(THIRD, "Three", code="X1")])
    assert lookup.find("X1") is None
    assert lookup.is_ambiguous("X1")


def test_empty_name_finds_nothing_whatever_nexus_and_the_aliases_have() -> None:
    lookup = Lookup.from_rows([LookupRow(FIRST, " "), LookupRow(SECOND, "Maitland")], {"": "Maitland"})
    assert lookup.find("") is lookup.find(None) is lookup.find(" ") is None
    assert lookup.resolve(None, None) == (None, True)
