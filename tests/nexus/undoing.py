"""The undo of a manual run's publish, and a publish that adds a patient."""

from __future__ import annotations

from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.publications import choose_publication, read_publications
from nexus_import.nexus.undo import Undo, undo_publication

from tests.nexus.manual_run import (
    ADDED,
    OPERATOR,
    POLICY,
    STARTED,
    STAYS,
    ManualRun,
    open_restorer,
)

DATA = POLICY.data_policy()
NEWCOMER = "90000000-0000-5000-8000-000000000006"
"""A patient whom the publish adds."""


def take_back(run: ManualRun, *, is_rehearsal: bool = False, policy: DataPolicy = DATA) -> Undo:
    """Undo the run's publish."""
    with open_restorer(run.installation) as connection:
        chosen = choose_publication(read_publications(connection), run.run_id)
        return undo_publication(connection, chosen.plan_id, policy, by=OPERATOR, is_rehearsal=is_rehearsal)


def contents(run: ManualRun) -> dict[str, str]:
    """Return a digest of every live table, and of what the import remembers."""
    memories = {
        table: run.installation.value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t")
        for table in ("nexus_import.identity", "nexus_import.published_row")
    }
    return run.installation.live() | memories


def add_newcomer(run: ManualRun) -> None:
    """Let the working copy have a patient more, who has a note."""
    run.work(
        "INSERT INTO nexus_work.patients SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'id', %s::text, 'mrn', NULL, 'filemaker_metadata', NULL))).* FROM nexus_work.patients AS t WHERE id = %s",
        *(NEWCOMER, STAYS),
    )
    run.work(
        "INSERT INTO nexus_work.notes (id, patient_id, note_type, content, created_at, updated_at)"
        " VALUES (%s, %s, 'other', 'new', %s, %s)",
        *(ADDED, NEWCOMER, STARTED, STARTED),
    )
