"""The schema guard at work: a Nexus that was migrated stops at gate 0, before anything is copied or decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sql.observed import go_and_observe
from tests.support.copies import own_include
from tests.support.installation import Installation

AGAIN = "phase_0_validate.check_system_config"


@pytest.mark.parametrize(
    ("change", "check", "says"),
    [
        (
            "ALTER TABLE encounters RENAME TO visits",
            "tables_are_declared",
            "tables: encounters: Nexus has no such table",
        ),
        (
            "ALTER TABLE patients ADD pronouns varchar(20)",
            "columns_are_known",
            "column patients.pronouns (character varying(20)) is new",
        ),
        (
            "CREATE RULE keep_notes AS ON DELETE TO notes DO INSTEAD NOTHING",
            "no_hidden_side_effects",
            "rule on notes (keep_notes): if it may stay",
        ),
    ],
)
def test_migrated_nexus_stops_at_gate_0(
    installation: Installation, new_run: Any, change: str, check: str, says: str
) -> None:
    installation.execute(change)
    observed = go_and_observe(new_run())
    assert observed.run.results["phase_0_validate.gate"] is False
    assert observed.run.states["phase_1_preserve.copy_tables"] == "skipped"
    assert not observed.checks[f"phase_0/{check}"].is_passed
    assert any(f"phase_0/{check}" in line.text and says in line.text for line in observed.log)
    assert f"phase_0/{check}" in observed.run.last_words
    assert observed.is_live_unchanged


def test_declared_table_lets_the_run_go_on_from_the_guard(
    installation: Installation, new_run: Any, tmp_path: Path
) -> None:
    installation.execute("CREATE TABLE referral_forms (id uuid PRIMARY KEY, patient_id uuid REFERENCES patients (id))")
    run = new_run("rehearse").go()
    assert run.results["phase_0_validate.gate"] is False
    with own_include(tmp_path, tables={"referral_forms": "untouched"}):
        run.clear(AGAIN).go()
    assert run.tries[AGAIN] == 2
    assert run.tries["phase_0_validate.fetch_patients"] == 1
    assert run.is_green
