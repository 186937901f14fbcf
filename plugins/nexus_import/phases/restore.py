"""The restore, task by task: chosen and checked, compared, approved by a person, put back, looked at.

What is put back is a backup, or what a publish replaced; where the two differ, `restore_undo` has the undo's part.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from airflow.sdk import Context, chain, task, task_group
from psycopg import IsolationLevel

from nexus_import import clock
from nexus_import.core import restore_mails
from nexus_import.errors import DataError, RestoreRefused
from nexus_import.nexus.backup import Backup, next_attempt, record_backup, take_backup
from nexus_import.nexus.manifest import RESTORE, FoundBackup, choose_backup, read_manifest
from nexus_import.nexus.restore.looking import count_unlike
from nexus_import.nexus.restore.objects import check_objects
from nexus_import.nexus.restore.planning import Loaded, load_backup, plan_restore
from nexus_import.nexus.restore.records import (
    Decided,
    Restored,
    RestorePlan,
    UndoPlan,
    find_restore,
    latest_restore_plan,
    mark_verified,
    record_answer,
    record_checked,
    record_choice,
    record_question,
)
from nexus_import.nexus.restore.restoring import restore_backup
from nexus_import.nexus.restore.scope import find_scope
from nexus_import.nexus.restore.words import backup_line, headline, plan_lines, plan_table
from nexus_import.nexus.roles import require_restricted
from nexus_import.phases import restore_undo as undo
from nexus_import.phases.asking import Answer, JournalledApproval
from nexus_import.phases.common import Counts, connect, open_store
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.phases.restore_common import (
    COMPARE_AGAIN,
    PHASE,
    RestoreTask,
    load_restore_settings,
    open_restore_task,
)
from nexus_import.settings import read_policy

log = logging.getLogger("nexus_import")
APPROVAL_TASK = "restore.approve_restore"


@task_group(group_id="backup", group_display_name="Backup or publish: choose, verify")
def choosing() -> None:
    """List backups and publishes, choose one, and prove that all of it is there before anything else is done."""
    chain(choose(), verify_checksums())


@task_group(group_id="compare", group_display_name="Compare: what would be lost")
def comparing() -> None:
    """Count what would be undone; a rehearsal, and a restore that would change nothing, end here."""
    chain(compare_with_live(), decide())


@task_group(group_id="restore", group_display_name="Restore: approve, put back, verify")
def restoring() -> None:
    """Ask a person, put everything back in one transaction, and look at live Nexus."""
    approved = RestoreApproval(
        task_id=APPROVAL_TASK.rpartition(".")[2],
        subject="Restore this backup over live Nexus?",
        doc_md="Asks a person: what would be put back, and what would be lost. Reject, or no answer in time, ends the "
        "run red and leaves live Nexus as it is. Clearing, with downstream, is safe: it asks again.",
        ignore_downstream_trigger_rules=True,
        response_timeout=timedelta(hours=read_policy().approval_timeout_hours),
    )
    chain(approved, restore_tables(), verify_live())


@task(task_id="choose_backup", multiple_outputs=False)
def choose() -> Counts:
    """List what is there and choose. Clearing, with downstream, chooses again."""
    with open_restore_task("Looking for backups", "Looking for publishes") as step:
        backups, publications = undo.list_choices(step)
        if step.is_undo:
            undo.choose(step, publications)
        else:
            _choose_backup(step, backups)
    return step.counts


def _choose_backup(step: RestoreTask, found: list[FoundBackup]) -> None:
    chosen = choose_backup(found, step.parameters.backup)
    if chosen.manifest is None:
        raise RestoreRefused(f"{backup_line(chosen)}.")
    if not chosen.is_proven:
        log.warning("The journal does not know this backup: its manifest is taken at its word")
    record_choice(step.connection, step.run_id, chosen.manifest)
    usable_count = sum(not backup.problem for backup in found)
    step.finish(
        f"Chose {chosen.manifest.name} of {usable_count:,} backups",
        backup_count=usable_count,
        table_count=len(chosen.manifest.tables),
        row_count=chosen.manifest.row_count,
        attempt=chosen.manifest.attempt,
    )


@task(multiple_outputs=False)
def verify_checksums() -> Counts:
    """Prove that all that would be put back is there as it was kept. Clearing is safe: it only reads.

    Every object of a backup is read whole and compared with its checksums; of a publish the rows it kept are counted.
    """
    with open_restore_task("Verifying the checksums of the backup", "Checking what the publish kept") as step:
        if step.is_undo:
            undo.check(step)
        else:
            _verify_checksums(step)
    return step.counts


def _verify_checksums(step: RestoreTask) -> None:
    manifest = step.manifest()
    policy = step.settings.policy.data_policy()
    scope = find_scope(step.connection, manifest, step.parameters.scope, policy)
    objects = [*scope.tables.values(), *manifest.memory.values()]
    byte_count = check_objects(step.store, objects)
    record_checked(step.connection, step.run_id)
    step.finish(
        f"Verified {len(objects):,} objects ({byte_count:,} bytes)", object_count=len(objects), byte_count=byte_count
    )


@task(multiple_outputs=False)
def compare_with_live() -> Counts:
    """Count what would be put back and what would be lost. Clearing, with downstream, compares and asks again.

    A backup is loaded beside live Nexus; an undo is done and rolled back.
    """
    with open_restore_task("Comparing the backup with live Nexus", "Rehearsing the undo") as step:
        if step.is_undo:
            undo.rehearse(step)
        else:
            _compare(step)
    return step.counts


def _compare(step: RestoreTask) -> None:
    loaded = _load(step, step.manifest().key)
    key = step.store.key("restores", step.run_id, f"{clock.now():%Y%m%dT%H%M%S%f}", "differences.csv")
    plan = plan_restore(step.connection, step.store, loaded, step.run_id, key)
    log.info("%s", headline(plan, loaded.manifest))
    for line in plan_lines(plan):
        log.warning("%s", line)
    log.info("By id: s3://%s/%s", step.store.bucket, plan.differences_key)
    step.finish(f"Compared {len(loaded.tables):,} tables, {plan.change_count:,} rows differ", **plan.totals())


@task.short_circuit(ignore_downstream_trigger_rules=True)
def decide() -> bool:
    """Go on to the question, or end here: a rehearsal, or nothing to put back. Clearing is safe."""
    with open_restore_task("Deciding whether there is something to put back") as step:
        if step.is_undo:
            is_asked = undo.is_asked(step)
        else:
            is_asked = step.parameters.mode == "restore" and _plan(step).change_count > 0
        step.finish("A person is asked" if is_asked else "Nothing is put back")
    return is_asked


class RestoreApproval(JournalledApproval):
    """Asks for the approval of the run's latest comparison: what would be lost."""

    phase = PHASE

    def ask(self, context: Context) -> None:
        """Write the question."""
        with open_restore_task("Asking a person") as step:
            plan = _plan(step)
            if isinstance(plan, UndoPlan):
                self.subject = "Undo this publish in live Nexus?"
                self.body, text = undo.question(step, plan)
            else:
                self.body, text = _question(step, plan)
            record_question(step.connection, plan)
            places = find_places(context["dag_run"].dag_id, step.run_id, APPROVAL_TASK)
            mail = restore_mails.waiting(plan.what, text.splitlines(), step.settings.policy.operators, places)
            send_mail(step.settings, mail)
            step.finish("The question is asked")

    def record(self, run_id: str, answer: Answer) -> None:
        """Write the answer."""
        settings, _ = load_restore_settings()
        with connect(settings.policy.connections.restore) as connection, connection.transaction():
            record_answer(connection, run_id, answer.text, answer.who)


def _question(step: RestoreTask, plan: RestorePlan) -> tuple[str, str]:
    """Return the question as Markdown, and as text for a mail."""
    manifest = read_manifest(step.connection, step.store, plan.manifest_key)
    body = plan_table(plan, manifest, f"s3://{step.store.bucket}/{plan.differences_key}")
    return body, "\n".join([headline(plan, manifest), *plan_lines(plan)])


@task(multiple_outputs=False)
def restore_tables() -> Counts:
    """Put everything back in one transaction, after all it stands on held again.

    Clearing is safe: what had been committed is recognised and not done twice.
    """
    with open_restore_task("Putting the backup back", "Undoing the publish") as step, _saying_what_to_clear():
        if step.parameters.mode != "restore":
            raise RestoreRefused("This run is a rehearsal; live Nexus is unchanged. Trigger a run with mode restore.")
        plan = _plan(step)
        is_repeat = find_restore(step.connection, plan) is not None
        if isinstance(plan, UndoPlan):
            undo.undo_rows(step, plan)
            what = "was undone already" if is_repeat else "undone in one transaction"
        else:
            _restore(step, plan)
            what = "was restored already" if is_repeat else "restored in one transaction"
        step.finish(f"{plan.change_count:,} rows {what}", change_count=plan.change_count)
    return step.counts


def _restore(step: RestoreTask, plan: RestorePlan) -> None:
    done = find_restore(step.connection, plan)
    if done is None:
        loaded = _load(step, plan.manifest_key, plan)
        save_first = None if step.parameters.without_backup else lambda: save_present_state(step)
        done = restore_backup(step.connection, loaded, plan, step.settings.policy.operators, save_first)
    if done.saved_manifest_key:
        log.info("What was there before: s3://%s/%s", step.store.bucket, done.saved_manifest_key)


def save_present_state(step: RestoreTask) -> Backup:
    """Take a backup of live Nexus with the backup's role, under the name of this run, and record it."""
    store = open_store(step.settings)
    with connect(step.settings.policy.connections.backup) as connection:
        require_restricted(connection, "backup")
        attempt = next_attempt(connection, store, step.run_id)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            backup = take_backup(connection, store, step.run_id, attempt, [], purpose=RESTORE)
    record_backup(step.connection, backup)
    log.info("Backed up live Nexus as it is: %s/%03d", backup.run_id, backup.attempt)
    return backup


@task(multiple_outputs=False)
def verify_live() -> Counts:
    """Look at live Nexus after the commit. Clearing is safe: it only reads."""
    with open_restore_task("Verifying live Nexus") as step:
        plan = _plan(step)
        done = find_restore(step.connection, plan)
        if done is None:
            raise RestoreRefused("Nothing was put back. Clear restore.restore_tables with downstream.")
        if isinstance(plan, UndoPlan):
            undo.verify(step, done)
        else:
            _verify(step, plan, done)
    return step.counts


def _verify(step: RestoreTask, plan: RestorePlan, done: Restored) -> None:
    loaded = _load(step, plan.manifest_key, plan)
    wrong, written_since = count_unlike(step.connection, loaded, done)
    if written_since:
        log.warning("%s rows were written by others since the restore: they are theirs", f"{written_since:,}")
    if wrong:
        tables = "; ".join(f"{count:,} rows of {table}" for table, count in wrong.items())
        raise DataError(
            f"Restored but unverified: not as the backup has them: {tables}. Call "
            f"{step.settings.policy.support_contact}; the runbook (docs/runbook.md) says how to look."
        )
    mark_verified(step.connection, done)
    step.finish(
        f"Verified {len(loaded.tables):,} tables in live Nexus",
        table_count=len(loaded.tables),
        written_since_count=written_since,
    )


def _plan(step: RestoreTask) -> Decided:
    plan = latest_restore_plan(step.connection, step.run_id)
    if plan is None:
        raise RestoreRefused(f"Nothing was compared with live Nexus. {COMPARE_AGAIN}")
    return plan


def _load(step: RestoreTask, key: str, plan: RestorePlan | None = None) -> Loaded:
    manifest = read_manifest(step.connection, step.store, key)
    if plan is not None and manifest.sha256 != plan.manifest_sha256:
        raise RestoreRefused(f"The manifest of the backup changed since it was compared. {COMPARE_AGAIN}")
    scope = plan.scope if plan is not None else step.parameters.scope
    return load_backup(step.connection, step.store, manifest, scope, step.settings.policy.data_policy())


@contextmanager
def _saying_what_to_clear() -> Iterator[None]:
    """Add the task to clear to a refusal that needs a new comparison; for others it is the task itself."""
    try:
        yield
    except RestoreRefused as error:
        if not error.is_stale:
            raise
        raise type(error)(f"{error} {COMPARE_AGAIN}", is_stale=True) from error
