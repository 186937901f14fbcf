"""Any text, escaped, finds itself: nothing in it is taken for one of FileMaker's operators."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.records import escape_criterion

from local.simulator import Simulator

from .conftest import KEYED, Connect

OPERATORS = '=!<>≤≥…@#*?"~\\./'
TEXTS = st.text(
    st.one_of(
        st.sampled_from(OPERATORS + "aAbäÄ1 \r\n"),
        st.characters(exclude_categories=["Cs"]),  # no halves of characters
    ),
    min_size=1,
    max_size=8,
).filter(lambda text: text == text.strip() != "")


def folded(text: str) -> str:
    """Return what FileMaker compares: without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@pytest.fixture
def client(connect: Connect) -> FileMakerClient:
    return connect()


@contextmanager
def stored(simulator: Simulator, texts: list[str]) -> Iterator[None]:
    record_ids = [simulator.control.insert_record(KEYED, {"id": text}) for text in texts]
    try:
        yield
    finally:
        for record_id in record_ids:
            simulator.control.delete_record(KEYED, record_id)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True))
@example(texts=["a@b.example", "axb.example", "a*", "ab", "==a", "a...b", "//", '"a"', "\\", "a\\*", "?", "~a", "!"])
@example(texts=["\U000f0041", "A", "\U0010005c*", "\U000f002a"])
@example(texts=["<1", ">1", "≤1", "≥1", "1..5", "1…5", "#", "##", "=", "*", "@"])
def test_any_text_finds_exactly_itself(texts: list[str], simulator: Simulator, client: FileMakerClient) -> None:
    with stored(simulator, texts):
        for text in texts:
            found = client.find(KEYED, [{"id": "==" + escape_criterion(text)}])
            assert {record.fields["id"] for record in found.records} == {
                other for other in texts if folded(other) == folded(text)
            }, text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True))
def test_any_text_is_a_bound_of_a_range(texts: list[str], simulator: Simulator, client: FileMakerClient) -> None:
    with stored(simulator, texts):
        for text in texts:
            found = client.find(KEYED, [{"id": ">=" + escape_criterion(text)}])
            assert {record.fields["id"] for record in found.records} == {
                other for other in texts if folded(other) >= folded(text)
            }, text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("550E8400-E29B-41D4-A716-446655440000", "550E8400-E29B-41D4-A716-446655440000"),
        ("a@b.example", r"a\@b.example"),
        ("==x", r"\=\=x"),
        ("1...5", r"1\.\.\.5"),
        ("//", r"\/\/"),
        ("and/or", "and/or"),
        ('back\\slash "q" *?#!<>~', r"back\\slash \"q\" \*\?\#\!\<\>\~"),
    ],
)
def test_operators_are_escaped_and_nothing_else(text: str, escaped: str) -> None:
    assert escape_criterion(text) == escaped
