"""Keys as real files hold them: of another kind than their field, alike but for case and accents, full of operators."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from nexus_import.errors import FileMakerRequestError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.walk import LayoutWalk, walk_layout

from local.simulator import Simulator

USER, PASSWORD = "reader", "secret"
LAYOUT = "Keys"

OF_ANOTHER_KIND: dict[str, list[str | float]] = {
    "number": [1, "abc", 2, "x5", "5x", 3, "", 4, "-", "1.2.3", 10**25, 10**25 + 1, 0.1, 1e300, 2],
    "date": ["01/02/2024", "13/13/2024", "", "soon", "02/30/2024", "01/02/2024", "12/31/1999"],
    "time": ["09:00:00", "noon", "", "26:00:00", "-01:00:00", "later"],
    "timeStamp": ["01/02/2024 00:00:00", "13/13/2024", "", "soon", "01/02/2024 12:00:00"],
}
ODD_TEXTS: list[str | float] = [
    *("\0", "a\0b", "\r", "a\rb", "\t", " ", "  ", " a", "a ", "a  b", "a b", "\u00a0", "\u200b"),
    *("=", "*", "!", "?", "//", "@", "~a", "..", "…", "a...b", "\\", '"', "<1", "≥"),
    *("A", "a", "á", "Á", "à", "A\u0301", "ﬁ", "fi", "ß", "ss", "İ", "i̇", "李", "😀", "\U000f0041"),
]


@contextmanager
def walked(kind: str, keys: list[str | float], page_size: int) -> Iterator[tuple[Simulator, LayoutWalk]]:
    records = [{"recordId": str(number), "fieldData": {"key": key}} for number, key in enumerate(keys, start=1)]
    layout = {"layout": LAYOUT, "fields": [{"name": "key", "result": kind}], "records": records}
    described = {"database": "Clinic", "user": USER, "password": PASSWORD, "layouts": [layout]}
    with (
        Simulator.from_dataset(described) as simulator,
        FileMakerClient(simulator.url, "Clinic", USER, PASSWORD, retry_wait_seconds=0.001) as client,
    ):
        yield simulator, walk_layout(client, LAYOUT, "key", page_size=page_size)


def readings(walk: LayoutWalk) -> Counter[str]:
    return Counter(record.record_id for page in walk for record in page.records)


@pytest.mark.parametrize("page_size", [1, 2, 100])
@pytest.mark.parametrize("kind", OF_ANOTHER_KIND)
def test_keys_that_are_not_of_their_fields_type_are_read_too(kind: str, page_size: int) -> None:
    keys = OF_ANOTHER_KIND[kind]
    with walked(kind, keys, page_size) as (_, walk):
        assert readings(walk) == {str(number): 1 for number in range(1, len(keys) + 1)}
        assert (walk.summary.distinct_read, walk.summary.rewalked) == (len(keys), 0)


def test_the_log_says_that_the_walk_goes_on_by_position_and_not_why_in_values(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), walked("number", ["secret text", 1], 1) as (_, walk):
        readings(walk)
    assert f"{LAYOUT}: a key is not of its field's type; going on by position" in caplog.messages
    assert "secret text" not in caplog.text


@pytest.mark.parametrize("code", [500, 502, 102])
def test_a_first_page_that_is_refused_is_not_put_down_to_a_key(code: int) -> None:
    with walked("number", [1, 2, 3], 1) as (simulator, walk):
        simulator.control.set_faults(scripted_errors=[{"code": code, "target": LAYOUT, "after": 2}])
        with pytest.raises(FileMakerRequestError) as refused:
            readings(walk)
        assert refused.value.code == code


@pytest.mark.parametrize("page_size", [1, 3])
def test_any_text_may_be_a_key(page_size: int) -> None:
    """A criterion loses the spaces around a key, so that a page may begin too late: the second reading has the rest."""
    with walked("text", ODD_TEXTS, page_size) as (_, walk):
        assert readings(walk) == {str(number): 1 for number in range(1, len(ODD_TEXTS) + 1)}
