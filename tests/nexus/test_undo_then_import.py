"""Imports after an undo: they plan what was undone once more, and know the rows that were left alone."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.nexus.publications import choose_publication, read_publications
from nexus_import.nexus.undo import Undo, undo_publication

from tests.nexus.manual_run import OPERATOR, POLICY, open_restorer
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRuns
from tests.support.installation import Installation

PLAN = "publish.make_plan"
ENTITIES = {"notes": "note", "letters_patientletter": "letter", "reminders": "reminder"}


def take_back(installation: Installation) -> Undo:
    with open_restorer(installation) as connection:
        chosen = choose_publication(read_publications(connection), "newest")
        return undo_publication(connection, chosen.plan_id, POLICY.data_policy(), by=OPERATOR)


@pytest.fixture
def edited(imported: Installation) -> dict[str, str]:
    """A row that the first import added to each of the tables, edited by staff since: its id by table."""
    rows = {}
    for table in ENTITIES:
        query = (
            "SELECT row_id::text FROM nexus_import.before_image WHERE table_name = %s AND action = 'add'"
            " ORDER BY row_id LIMIT 1"
        )
        rows[table] = str(imported.value(query, table))
    imported.execute("UPDATE notes SET note_type = 'phone' WHERE id = %s", rows["notes"])
    imported.execute("UPDATE letters_patientletter SET subject = 'ours' WHERE id = %s", rows["letters_patientletter"])
    imported.execute("UPDATE reminders SET status = 'done' WHERE id = %s", rows["reminders"])
    return rows


def test_rows_left_alone_are_known_again_and_all_else_is_planned_once_more(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, first_run: Any, edited: dict[str, str]
) -> None:
    added_count = first_run.results[PLAN]["added_count"]
    undo = take_back(imported)
    assert {(left.table, left.row_id) for left in undo.left} >= set(edited.items())
    again = next_run().go(until=LAST_TASK)
    assert again.states[LAST_TASK] == "success", again.errors
    assert again.results[PLAN]["added_count"] == added_count - len(undo.left)
    for table, entity in ENTITIES.items():
        known = "SELECT count(*) FROM nexus_import.identity WHERE entity = %s AND nexus_id = %s"
        assert imported.value(known, entity, edited[table]) == 1
    third = next_run().go(until=PLAN)
    assert {name: third.results[PLAN][name] for name in ("added_count", "changed_count", "removed_count")} == {
        "added_count": 0,
        "changed_count": 0,
        "removed_count": 0,
    }


def test_text_that_staff_did_not_edit_follows_filemaker_after_the_undo(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, edited: dict[str, str]
) -> None:
    """The note was left alone for another column: its text is FileMaker's, and no edit of staff."""
    key = imported.value("SELECT filemaker_id FROM nexus_import.identity WHERE nexus_id = %s", edited["notes"])
    take_back(imported)
    [record] = [name for name in filemaker.ids("note") if name.lower() == key]
    filemaker.fields("note", record)["Note"] = "what FileMaker says now"
    again = next_run().go(until=LAST_TASK)
    assert again.states[LAST_TASK] == "success", again.errors
    assert imported.value("SELECT content FROM notes WHERE id = %s", edited["notes"]) == "what FileMaker says now"
