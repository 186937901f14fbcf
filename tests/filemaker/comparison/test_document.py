"""The document shows what the tests found, and its example works."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.filemaker.comparison.bench import OURS, Bench
from tests.filemaker.comparison.clinic import FILES, PEOPLE, PEOPLE_COUNT, VISIT_COUNT
from tests.filemaker.comparison.table import markdown

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "filemaker_client.md"
OPENED = 'FileMakerClient("https://filemaker.example.com", "Clinic", "api", "secret", ca_file="ca.pem")'
NOT_NEEDED = ("airflow", "pandas", "psycopg", "pydantic")


def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_comparison_is_the_one_that_was_tested() -> None:
    compared = document().partition("\n## Compared")[2]
    shown = [line for line in compared.splitlines() if line.startswith(("|", "### "))]
    assert shown == [line for line in markdown().splitlines() if line]


@pytest.mark.parametrize("bench", [OURS], indirect=True)
def test_the_example_works(bench: Bench) -> None:
    example = document().partition("```python\n")[2].partition("```")[0]
    assert OPENED in example
    example = example.replace(OPENED, "opened").replace('"API_Contacts"', "layout").replace("anna@", "person7@")
    names: dict[str, Any] = {"opened": bench.new_client(), "layout": PEOPLE}
    exec(compile(example, DOCUMENT.name, "exec"), names)
    assert len(names["people"]) == PEOPLE_COUNT
    assert [record.record_id for record in names["found"]] == ["107"]
    assert len(names["visits"]) == VISIT_COUNT
    assert names["file"].getvalue() == FILES["2"]
    assert names["download"].sha256 == hashlib.sha256(FILES["2"]).hexdigest()
    assert bench.simulator.control.state()["sessions_open"] == 0


def test_the_client_needs_no_more_than_the_document_says() -> None:
    program = (
        "import sys, nexus_import.filemaker.client, nexus_import.filemaker.walk\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"requests", "tenacity"} <= loaded
    assert not loaded & set(NOT_NEEDED)
