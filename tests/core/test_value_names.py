"""Names that are written as one text, taken apart; and the keys that they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_import.core.values import UnreadableValue, read_name_key, read_name_part, read_words, split_name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Anna Smith - Care Support Services", ("Anna", "Smith", "Care Support Services")),
        ("Anna Smith – Care", ("Anna", "Smith", "Care")),
        ("Anna Smith (Care)", ("Anna", "Smith", "Care")),
        ("Smith, Anna", ("Anna", "Smith", None)),
        ("Smith, Anna - Care, Inc.", ("Anna", "Smith", "Care, Inc.")),
        ("  Anna   van der Berg ", ("Anna", "van der Berg", None)),
        ("Anna Smith-Jones", ("Anna", "Smith-Jones", None)),
        ("Smith", (None, "Smith", None)),
        ("Smith,", (None, "Smith,", None)),
        ("- Care", ("-", "Care", None)),
        ("", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_parts_of_a_name(text: str | None, parts: tuple[str | None, ...]) -> None:
    found = split_name(text)
    assert (found.first_name, found.last_name, found.organisation) == parts
    assert read_name_part(text, "last_name") == found.last_name


def test_key_is_the_same_for_every_spelling_and_holds_no_name() -> None:
    key = read_name_key("Anna Smith - Care")
    assert key == read_name_key("  anna SMITH -  Care ") != read_name_key("Anna Smith - Other")
    assert key is not None
    assert "anna" not in key.lower()
    assert read_name_key(" ") is None


@given(st.text(max_size=300))
def test_whatever_is_written_is_taken_apart_and_nothing_is_made_up(text: str) -> None:
    try:
        words, parts = read_words(text), split_name(text)
    except UnreadableValue:
        return
    for part in (parts.first_name, parts.last_name, parts.organisation):
        assert part is None or (part.strip() and part in words)
