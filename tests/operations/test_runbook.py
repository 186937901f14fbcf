"""What the runbook says to type at night does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.nexus_database import NexusDatabase

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
COPY = "phase_1_preserve.copy_tables"


def test_working_copy_that_was_dropped_for_room_is_made_again(copy_run: Any) -> None:
    statement = "DROP SCHEMA nexus_work CASCADE"
    assert f"`{statement}`" in RUNBOOK.read_text(encoding="utf-8")
    with copy_run() as run:
        run.go(until="phase_3_patients.gate")
        installation = run.installation
        database = installation.database
        with database.cluster.connect(database.database) as connection:
            connection.execute(statement.encode())
        NexusDatabase(database.cluster, database.database, database.passwords).grant()
        run.answer = "Approve"
        run.clear(COPY).go()
        assert run.is_green, run.last_words


def test_question_who_waits_for_whom_can_be_asked(installation: Any) -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    statement = text[text.index("SELECT pid, application_name") :].split("`")[0]
    with installation.importer(), installation.database.cluster.connect(installation.database.database) as connection:
        assert connection.execute(statement.encode()).fetchall()
