"""The undo as a person decides about it: only what was shown and approved is done, once, and it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.errors import PublishRefused, RestoreRefused, UndoRefused, WorkingCopyError
from nexus_import.nexus.publications import read_publications
from nexus_import.nexus.restore.records import latest_restore_plan
from nexus_import.nexus.restore.undo_words import NAMED_IN_LOG, left_lines, publication_line, undo_lines, undo_table
from nexus_import.nexus.restore.undoing import look_at_undo, undo_as_planned
from nexus_import.nexus.undo_deciding import Left
from psycopg import Connection

from tests.nexus.live_rows import add_note, add_patient
from tests.nexus.manual_run import ADDED, FIRST, GONE, OPERATOR, STAYS, ManualRun, open_restorer
from tests.restore.publishing import DATA, answer, newest, publish_more, rehearse, undo

APPROVED = "This undo needs the approval of a person and has none"


@pytest.fixture
def restorer(published: ManualRun) -> Iterator[Connection[Any]]:
    """A connection of the restore's role."""
    with open_restorer(published.installation) as connection:
        yield connection


def undone_by(run: ManualRun) -> Any:
    return run.installation.value("SELECT undone_by FROM nexus_import.publication WHERE run_id = %s", run.run_id)


def test_rehearsal_counts_names_and_changes_nothing(published: ManualRun, restorer: Connection[Any]) -> None:
    published.installation.execute("UPDATE patients SET notes = 'Secretnote' WHERE id = %s", STAYS)
    before = published.installation.live()
    plan = rehearse(restorer)
    assert published.installation.live() == before
    assert undone_by(published) is None
    assert {table: counts for table, counts in plan.counts.items() if any(counts.values())} == {
        "appointments": {"added": 0, "changed": 2, "removed": 0},
        "notes": {"added": 1, "changed": 0, "removed": 0},
        "patients": {"added": 0, "changed": 0, "removed": 1},
    }
    assert plan.left == [Left("patients", STAYS, "changed since the publish")]
    assert latest_restore_plan(restorer, plan.run_id) == plan
    lines, question = undo_lines(plan), undo_table(plan, newest(restorer))
    assert "notes: 1 added by it, would go" in lines
    assert f"Left alone: patients {STAYS}: changed since the publish" in lines
    assert "| patients | 0 | 0 | 1 | 1 |" in question
    assert f"- Left alone: patients {STAYS}: changed since the publish" in question
    assert f"Digest of what is shown: `{plan.digest}`" in question
    assert "Secret" not in question + "\n".join(lines)


def test_many_rows_left_alone_are_named_in_the_journal() -> None:
    left = [Left("patients", str(number), "changed since the publish") for number in range(NAMED_IN_LOG + 7)]
    lines = left_lines(left, NAMED_IN_LOG)
    assert len(lines) == NAMED_IN_LOG + 1
    assert lines[-1] == "7 more are left alone: left_rows of the newest nexus_import.restore_plan names all"


def test_approved_it_is_done_with_who_and_when(published: ManualRun, restorer: Connection[Any]) -> None:
    plan = rehearse(restorer)
    answer(restorer, plan)
    done = undo(restorer, plan)
    assert done.counts == plan.counts
    assert published.installation.value("SELECT title IS NULL FROM patients WHERE id = %s", STAYS)
    assert published.installation.value("SELECT count(*) FROM patients WHERE id = %s", GONE) == 1
    assert undone_by(published) == OPERATOR
    noted = published.installation.rows("SELECT run_id, scope, undone_plan_id FROM nexus_import.restore")
    assert noted == [(plan.run_id, "publish", plan.undone_plan_id)]


@pytest.mark.parametrize("said", [None, "Reject", "Timed out"])
def test_without_a_yes_nothing_is_undone(published: ManualRun, restorer: Connection[Any], said: str | None) -> None:
    before = published.installation.live()
    plan = rehearse(restorer)
    if said:
        answer(restorer, plan)
        answer(restorer, plan, said)
    with pytest.raises(RestoreRefused, match=APPROVED) as refused:
        undo(restorer, plan)
    assert refused.value.is_stale
    assert published.installation.live() == before


def test_yes_of_somebody_who_is_no_operator_is_none(published: ManualRun, restorer: Connection[Any]) -> None:
    plan = rehearse(restorer)
    answer(restorer, plan, who="vera")
    with pytest.raises(RestoreRefused, match="The undo was approved by 'vera', who is not an operator"):
        undo(restorer, plan)
    # in a shell, whoever has the role's password may
    undo_as_planned(restorer, plan, DATA, None)
    assert undone_by(published) == "vera"


def test_yes_to_an_earlier_rehearsal_is_none(published: ManualRun, restorer: Connection[Any]) -> None:
    first = rehearse(restorer)
    answer(restorer, first)
    second = rehearse(restorer, first.run_id)
    assert second.digest == first.digest
    with pytest.raises(RestoreRefused, match=APPROVED):
        undo(restorer, second)


@pytest.mark.parametrize(
    ("write", "row", "table", "left"),
    [
        ("UPDATE patients SET notes = 'called' WHERE id = %s", STAYS, "patients", 1),
        ("DELETE FROM notes WHERE id = %s", ADDED, "notes", 1),
        # the other appointment cannot have its number back while this one keeps it
        ("UPDATE appointments SET status = 'done' WHERE id = %s", FIRST, "appointments", 2),
    ],
)
def test_write_after_the_rehearsal_that_the_undo_would_lose_refuses(
    published: ManualRun, restorer: Connection[Any], write: str, row: str, table: str, left: int
) -> None:
    plan = rehearse(restorer)
    answer(restorer, plan)
    published.installation.execute(write, row)
    before = published.installation.live()
    with pytest.raises(
        UndoRefused,
        match=rf"changed since the undo was rehearsed, in rows of {table} that the publish wrote: {5 - left} rows would"
        rf" be put back now and {left} left alone; shown were 5 and 0\. Live Nexus is unchanged\. Rehearse again",
    ) as refused:
        undo(restorer, plan)
    assert refused.value.is_stale
    assert published.installation.live() == before
    assert published.installation.rows("SELECT * FROM nexus_import.restore") == []
    assert undone_by(published) is None


def test_writes_that_the_undo_does_not_touch_do_not_stop_it(published: ManualRun, restorer: Connection[Any]) -> None:
    published.installation.execute("UPDATE patients SET notes = 'called' WHERE id = %s", STAYS)
    plan = rehearse(restorer)
    answer(restorer, plan)
    published.installation.execute("UPDATE patients SET notes = 'called again' WHERE id = %s", STAYS)
    since = add_note(published.installation, add_patient(published.installation))
    undo(restorer, plan)
    assert published.installation.rows("SELECT title, notes FROM patients WHERE id = %s", STAYS) == [
        ("Dr", "called again")
    ]
    assert published.installation.value("SELECT count(*) FROM notes WHERE id = %s", since) == 1


def test_undo_that_is_done_is_recognised(published: ManualRun, restorer: Connection[Any]) -> None:
    plan = rehearse(restorer)
    answer(restorer, plan)
    done = undo(restorer, plan)
    published.installation.execute("UPDATE patients SET title = 'Prof' WHERE id = %s", STAYS)
    after = published.installation.live()
    assert undo(restorer, plan) == done
    assert published.installation.live() == after


def test_second_rehearsal_that_was_approved_before_the_first_was_done_is_refused(
    published: ManualRun, restorer: Connection[Any]
) -> None:
    first, second = rehearse(restorer), rehearse(restorer)
    answer(restorer, first)
    answer(restorer, second)
    undo(restorer, first)
    after = published.installation.live()
    with pytest.raises(UndoRefused, match=f"was undone already, by {OPERATOR} at "):
        undo(restorer, second)
    assert published.installation.live() == after


def test_publish_after_the_rehearsal_refuses(published: ManualRun, restorer: Connection[Any]) -> None:
    plan = rehearse(restorer)
    answer(restorer, plan)
    later = publish_more(published)
    before = published.installation.live()
    with pytest.raises(UndoRefused, match=f"Run {later.run_id} has published since: undo that first"):
        undo(restorer, plan)
    assert published.installation.live() == before


def test_undone_one_after_the_other_all_is_as_it_was(published: ManualRun, restorer: Connection[Any]) -> None:
    """Rows that both publishes changed come back step by step, past what staff wrote in between and after."""
    later = publish_more(published)
    published.installation.execute("UPDATE notes SET content = 'edited' WHERE id = %s", ADDED)
    for run in (later, published):
        plan = rehearse(restorer)
        assert newest(restorer).run_id == run.run_id
        answer(restorer, plan)
        undo(restorer, plan)
    assert plan.left == [Left("notes", ADDED, "changed since the publish")]
    title = "SELECT title IS NULL FROM patients WHERE id = %s"
    assert published.installation.value(title, STAYS)
    with pytest.raises(UndoRefused, match="There is no publish to undo"):
        newest(restorer)


def test_lines_say_which_publish_can_be_undone(published: ManualRun, restorer: Connection[Any]) -> None:
    def lines() -> list[str]:
        found = read_publications(restorer)
        return [publication_line(found, entry) for entry in found]

    assert lines()[0].startswith(f"{published.run_id}  ")
    assert lines()[0].endswith(" UTC  1 added, 3 changed, 1 removed (can be undone)")
    later = publish_more(published)
    assert [line.rpartition(" (")[2] for line in lines()] == [
        "can be undone)",
        f"can be undone after that of run {later.run_id})",
    ]
    plan = rehearse(restorer)
    answer(restorer, plan)
    undo(restorer, plan)
    with published.installation.importer() as importer:
        importer.execute("DELETE FROM nexus_import.before_image WHERE row_id = %s", [GONE])
    undone, gone = lines()
    assert f"(undone already, by {OPERATOR} at " in undone
    assert gone.endswith("(cannot be undone any more: the policy's retention removed the rows as they were before)")


def test_publish_that_changed_no_row_is_passed_over(published: ManualRun, restorer: Connection[Any]) -> None:
    empty = ManualRun(published.installation, published.connection)
    empty.copy()
    empty.plan()
    empty.publish()
    assert newest(restorer).run_id == published.run_id
    found = read_publications(restorer)
    assert publication_line(found, found[0]).endswith("0 added, 0 changed, 0 removed (changed no row)")


def test_look_after_the_undo_tells_work_of_others_from_what_is_wrong(
    published: ManualRun, restorer: Connection[Any]
) -> None:
    plan, chosen = rehearse(restorer), newest(restorer)
    answer(restorer, plan)
    done = undo(restorer, plan)
    assert look_at_undo(restorer, chosen, done) == ({}, 0)
    published.installation.execute("UPDATE patients SET title = 'Prof' WHERE id = %s", STAYS)
    published.installation.execute("DELETE FROM appointments WHERE id = %s", FIRST)
    assert look_at_undo(restorer, chosen, done) == ({}, 2)
    with published.installation.importer() as importer:
        importer.execute(
            "UPDATE nexus_import.before_image SET before_row = replace(before_row, 'Nobody', 'Somebody')"
            " WHERE row_id = %s",
            [GONE],
        )
    assert look_at_undo(restorer, chosen, done) == ({"patients": 1}, 2)


def test_plan_made_before_the_undo_is_not_published_after_it(published: ManualRun, restorer: Connection[Any]) -> None:
    """Also rows that the plan leaves as they are would be others now, and what is remembered of them."""
    late = ManualRun(published.installation, published.connection)
    late.copy()
    patient = add_patient(published.installation)
    late.work(
        "INSERT INTO nexus_work.notes (id, patient_id, note_type, content, created_at, updated_at)"
        " SELECT gen_random_uuid(), id, 'other', 'new', created_at, created_at FROM nexus_work.patients LIMIT 1"
    )
    late.plan()
    plan = rehearse(restorer)
    answer(restorer, plan)
    undo(restorer, plan)
    before = published.installation.live()
    with pytest.raises((PublishRefused, WorkingCopyError), match="A publish was undone in live Nexus since it was"):
        late.publish()
    assert published.installation.live() == before
    assert patient
