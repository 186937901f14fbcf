"""The undo of a publish: what each task of the restore does where a publish is undone and no backup put back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from nexus_import.errors import DataError, StorageError, UndoRefused
from nexus_import.nexus.manifest import FoundBackup, find_backups
from nexus_import.nexus.publications import (
    Published,
    choose_publication,
    read_publications,
    require_undoable,
    when_undone,
)
from nexus_import.nexus.restore.records import (
    Restored,
    UndoPlan,
    find_undone_by_run,
    mark_verified,
    record_checked,
    record_choice_of_publish,
)
from nexus_import.nexus.restore.undo_words import publication_line, undo_headline, undo_lines, undo_table
from nexus_import.nexus.restore.undoing import look_at_undo, plan_undo, undo_as_planned
from nexus_import.nexus.restore.words import backup_line
from nexus_import.nexus.undo import require_same_columns
from nexus_import.phases.restore_common import CHOOSE_AGAIN, RestoreTask

log = logging.getLogger("nexus_import")


def list_choices(step: RestoreTask) -> tuple[list[FoundBackup], list[Published]]:
    """Write the backups and the publishes that are there to the log; return them.

    An undo needs no backup, so for one a store that is away is no reason to stop.
    """
    try:
        backups = find_backups(step.connection, step.store)
    except StorageError as error:
        if not step.is_undo:
            raise
        log.warning("The backups cannot be listed: %s", error)
        backups = []
    usable = [backup for backup in backups if not backup.problem]
    for backup in usable:
        log.info("Backup: %s", backup_line(backup))
    if len(usable) < len(backups):
        log.info("%d more that the journal or the store knows cannot be used", len(backups) - len(usable))
    publications = read_publications(step.connection)
    for published in publications:
        log.info("Publish: %s", publication_line(publications, published))
    return backups, publications


def choose(step: RestoreTask, found: list[Published]) -> None:
    """Choose a publish; a run that has undone one already, and chooses again, stays with that."""
    undone = find_undone_by_run(step.connection, step.run_id)
    repeated = next((entry for entry in found if entry.plan_id == undone and not entry.stands), None)
    chosen = repeated or choose_publication(found, step.parameters.undo or "")
    record_choice_of_publish(step.connection, step.run_id, chosen)
    step.finish(
        f"Chose the publish of run {chosen.run_id} of {len(found):,} publishes",
        publish_count=len(found),
        added_count=chosen.count("add"),
        changed_count=chosen.count("change"),
        removed_count=chosen.count("remove"),
    )


def check(step: RestoreTask) -> None:
    """Look that the publish can be undone: every row that it changed is kept as it was, and fits its table."""
    published = step.published()
    if published.stands:
        with _saying_to_choose():
            require_undoable(read_publications(step.connection), published.plan_id)
            require_same_columns(step.connection, published)
    record_checked(step.connection, step.run_id)
    step.finish(
        f"Checked {published.kept_count:,} rows that the publish kept"
        if published.stands
        else _done_already(published),
        row_count=published.kept_count,
    )


def rehearse(step: RestoreTask) -> None:
    """Do the undo and roll it back; what it did is what a person is asked about."""
    published = step.published()
    if not published.stands:
        step.finish(_done_already(published), added_count=0, changed_count=0, removed_count=0, left_count=0)
        return
    with _saying_to_choose():
        plan = plan_undo(step.connection, step.run_id, published.plan_id, step.settings.policy.data_policy())
    log.info("%s", undo_headline(plan, published))
    for line in undo_lines(plan):
        log.warning("%s", line)
    step.finish(
        f"Rehearsed the undo: {plan.change_count:,} rows put back, {len(plan.left):,} left alone",
        **plan.totals(),
        left_count=len(plan.left),
    )


def is_asked(step: RestoreTask) -> bool:
    """Tell whether a person is to be asked: also about an undo that would put no row back, to have it behind one."""
    return step.parameters.mode == "restore" and step.published().stands


def question(step: RestoreTask, plan: UndoPlan) -> tuple[str, str]:
    """Return the question as Markdown, and as text for a mail."""
    published = step.published()
    return undo_table(plan, published), "\n".join([undo_headline(plan, published), *undo_lines(plan)])


def undo_rows(step: RestoreTask, plan: UndoPlan) -> Restored:
    """Take the publish back in one transaction."""
    policy = step.settings.policy
    return undo_as_planned(step.connection, plan, policy.data_policy(), policy.operators)


def verify(step: RestoreTask, done: Restored) -> None:
    """Look at live Nexus after the commit."""
    published = step.published()
    wrong, written_since = look_at_undo(step.connection, published, done)
    if written_since:
        log.warning("%s rows were written by others since the undo: they are theirs", f"{written_since:,}")
    if wrong:
        tables = "; ".join(f"{count:,} rows of {table}" for table, count in wrong.items())
        raise DataError(
            f"Undone but unverified: not as they were before the publish: {tables}. Call "
            f"{step.settings.policy.support_contact}; the runbook (docs/runbook.md) says how to look."
        )
    mark_verified(step.connection, done)
    step.finish(
        f"Verified {len(published.columns):,} tables in live Nexus",
        table_count=len(published.columns),
        written_since_count=written_since,
    )


def _done_already(published: Published) -> str:
    return f"Nothing to do: the publish of run {published.run_id} was undone already, {when_undone(published)}"


@contextmanager
def _saying_to_choose() -> Iterator[None]:
    """Add the task to clear to a refusal that another choice mends."""
    try:
        yield
    except UndoRefused as error:
        if not error.is_stale:
            raise
        raise UndoRefused(f"{error} {CHOOSE_AGAIN}", is_stale=True) from error
