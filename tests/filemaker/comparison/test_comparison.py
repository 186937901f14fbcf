"""Every cell of the comparison happens as the table says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.filemaker.comparison import reading, sessions, telling, values, writing
from tests.filemaker.comparison.bench import CLIENTS, Bench
from tests.filemaker.comparison.table import ROWS, Row

SCENARIOS: dict[str, Callable[[Bench], str]] = {
    scenario.__name__: scenario
    for module in (reading, sessions, telling, values, writing)
    for scenario in module.SCENARIOS
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
@pytest.mark.parametrize("bench", CLIENTS, indirect=True)
def test_cell(row: Row, bench: Bench) -> None:
    assert SCENARIOS[row.scenario](bench) == row.cells[bench.name]


def test_every_scenario_has_a_row() -> None:
    assert [row.scenario for row in ROWS] == list(dict.fromkeys(row.scenario for row in ROWS))
    assert SCENARIOS.keys() == {row.scenario for row in ROWS}
