"""The journal of the restore: who asked, what was compared, who answered, what was put back.

A person decides about a `RestorePlan`, which puts a backup back, or about an `UndoPlan`, which takes a publish back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from psycopg import Connection, errors
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

from nexus_import.errors import RestoreRefused
from nexus_import.nexus.journal import create_journal
from nexus_import.nexus.manifest import Manifest
from nexus_import.nexus.publications import Published
from nexus_import.nexus.restore.comparison import ACTIONS
from nexus_import.nexus.restore.scope import ScopeName
from nexus_import.nexus.undo_deciding import Left

APPROVE = "Approve"
PUBLISH = "publish"
"""What stands for the scope of an undo: the rows that one publish wrote."""


@dataclass(frozen=True)
class RestoreRun:
    """One restore that somebody asked for.

    A backup or a publish was chosen: `manifest_key` or `undone_plan_id` is set. `checked_at` is None until the backup's
    objects, or the rows that the publish kept, were found as they should be.
    """

    run_id: str
    started_at: datetime
    requested_by: str | None
    parameters: dict[str, Any]
    manifest_key: str | None
    manifest_sha256: str | None
    undone_plan_id: int | None
    checked_at: datetime | None
    state: str


@dataclass(frozen=True, kw_only=True)
class ShownPlan:
    """What a person is shown and decides about. `counts` per table: rows added, changed and removed since."""

    run_id: str
    digest: str
    counts: dict[str, dict[str, int]]
    notes: list[str] = field(default_factory=list)
    plan_id: int = 0
    what: ClassVar[str] = ""
    """What a person is asked for, in a word."""

    @property
    def change_count(self) -> int:
        """Rows that would be removed, changed or brought back."""
        return sum(self.totals().values())

    def totals(self) -> dict[str, int]:
        """Return the rows of all tables: added_count, changed_count, removed_count."""
        return {f"{action}_count": sum(counts[action] for counts in self.counts.values()) for action in ACTIONS}


@dataclass(frozen=True, kw_only=True)
class RestorePlan(ShownPlan):
    """What a restore would do: since the backup was taken."""

    what: ClassVar[str] = "restore"
    scope: ScopeName
    manifest_key: str
    manifest_sha256: str
    differences_key: str


@dataclass(frozen=True, kw_only=True)
class UndoPlan(ShownPlan):
    """What the undo of a publish would do: by the publish; and the rows that it would leave alone."""

    what: ClassVar[str] = "undo"
    undone_plan_id: int
    left: list[Left] = field(default_factory=list)


Decided = RestorePlan | UndoPlan


@dataclass(frozen=True)
class Restored:
    """What was put back, and where the rows that were there before are kept."""

    restore_id: int
    restored_at: datetime
    counts: dict[str, dict[str, int]]
    saved_manifest_key: str | None
    is_verified: bool


def ensure_journal(connection: Connection[Any]) -> None:
    """Make the journal where it was lost with the database, as the role that owns it.

    Raises `RestoreRefused` when the roles and schemas of the import are not there either.
    """
    row = connection.execute("SELECT to_regclass('nexus_import.restore') IS NOT NULL").fetchone()
    if row and row[0]:
        return
    try:
        with connection.transaction():
            connection.execute("SET LOCAL ROLE nexus_import")
            create_journal(connection)
    except (errors.InsufficientPrivilege, errors.InvalidSchemaName, errors.InvalidParameterValue) as error:
        raise RestoreRefused(
            "This database has no journal of the import, and it could not be made: run include/sql/grants.sql as a "
            "superuser of the Nexus database first. Nothing was changed."
        ) from error


def open_restore(connection: Connection[Any], run_id: str, who: str | None, parameters: dict[str, Any]) -> None:
    """Open the run; one that was cleared is opened again and chooses again."""
    connection.execute(
        "INSERT INTO nexus_import.restore_run (run_id, requested_by, parameters) VALUES (%s, %s, %s)"
        " ON CONFLICT (run_id) DO UPDATE SET state = 'running', verdict = NULL, closed_at = NULL",
        (run_id, who, Jsonb(parameters)),
    )


def record_choice(connection: Connection[Any], run_id: str, manifest: Manifest) -> None:
    """Write which backup was chosen; its objects count as unchecked."""
    connection.execute(
        "UPDATE nexus_import.restore_run SET manifest_key = %s, manifest_sha256 = %s, undone_plan_id = NULL,"
        " checked_at = NULL WHERE run_id = %s",
        (manifest.key, manifest.sha256, run_id),
    )


def record_choice_of_publish(connection: Connection[Any], run_id: str, published: Published) -> None:
    """Write which publish was chosen to be undone; the rows that it kept count as unchecked."""
    connection.execute(
        "UPDATE nexus_import.restore_run SET manifest_key = NULL, manifest_sha256 = NULL, undone_plan_id = %s,"
        " checked_at = NULL WHERE run_id = %s",
        (published.plan_id, run_id),
    )


def record_checked(connection: Connection[Any], run_id: str) -> None:
    """Write that every object is as the manifest says, or that every row which the publish kept is there."""
    connection.execute(
        "UPDATE nexus_import.restore_run SET checked_at = clock_timestamp() WHERE run_id = %s", (run_id,)
    )


def read_restore_run(connection: Connection[Any], run_id: str) -> RestoreRun | None:
    """Return the run, None when it never got past its start."""
    row = connection.execute(
        "SELECT run_id, started_at, requested_by, parameters, manifest_key, manifest_sha256, undone_plan_id,"
        " checked_at, state"
        " FROM nexus_import.restore_run WHERE run_id = %s",
        (run_id,),
    ).fetchone()
    return RestoreRun(*row) if row else None


def close_restore(connection: Connection[Any], run_id: str, state: str, verdict: str) -> None:
    """Write the verdict of the run."""
    connection.execute(
        "UPDATE nexus_import.restore_run SET state = %s, verdict = %s, closed_at = clock_timestamp() WHERE run_id = %s",
        (state, verdict, run_id),
    )


def record_plan(connection: Connection[Any], plan: RestorePlan) -> RestorePlan:
    """Write a comparison; return it with its number."""
    row = connection.execute(
        "INSERT INTO nexus_import.restore_plan (run_id, scope, manifest_key, manifest_sha256, digest, counts, notes,"
        " differences_key) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING restore_plan_id",
        (
            plan.run_id,
            plan.scope,
            plan.manifest_key,
            plan.manifest_sha256,
            plan.digest,
            Json(plan.counts),
            Jsonb(plan.notes),
            plan.differences_key,
        ),
    ).fetchone()
    return replace(plan, plan_id=int(row[0]) if row else 0)


def record_undo_plan(connection: Connection[Any], plan: UndoPlan) -> UndoPlan:
    """Write what an undo would do; return it with its number."""
    row = connection.execute(
        "INSERT INTO nexus_import.restore_plan (run_id, scope, undone_plan_id, digest, counts, notes, left_rows)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING restore_plan_id",
        (
            plan.run_id,
            PUBLISH,
            plan.undone_plan_id,
            plan.digest,
            Json(plan.counts),
            Jsonb(plan.notes),
            Json([[row.table, row.row_id, row.why] for row in plan.left]),
        ),
    ).fetchone()
    return replace(plan, plan_id=int(row[0]) if row else 0)


def latest_restore_plan(connection: Connection[Any], run_id: str) -> Decided | None:
    """Return what the run's person was last shown, None when that is nothing yet."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT run_id, digest, counts, notes, restore_plan_id AS plan_id, scope, manifest_key, manifest_sha256,"
            " differences_key, undone_plan_id, left_rows FROM nexus_import.restore_plan WHERE run_id = %s"
            " ORDER BY restore_plan_id DESC LIMIT 1",
            (run_id,),
        ).fetchone()
    if row is None:
        return None
    left = [Left(*entry) for entry in row.pop("left_rows")]
    undone_plan_id = row.pop("undone_plan_id")
    if undone_plan_id is None:
        return RestorePlan(**row)
    shown = {name: row[name] for name in ("run_id", "digest", "counts", "notes", "plan_id")}
    return UndoPlan(**shown, undone_plan_id=undone_plan_id, left=left)


def record_question(connection: Connection[Any], plan: ShownPlan) -> None:
    """Write that a person is asked about this plan."""
    connection.execute(
        "INSERT INTO nexus_import.approval (run_id, plan_digest) VALUES (%s, %s)", (plan.run_id, plan.digest)
    )


def record_answer(connection: Connection[Any], run_id: str, answer: str, who: str | None) -> None:
    """Write the answer to the newest question of the run."""
    connection.execute(
        "UPDATE nexus_import.approval SET answer = %s, answered_at = clock_timestamp(), answered_by = %s"
        " WHERE approval_id = (SELECT max(approval_id) FROM nexus_import.approval WHERE run_id = %s)",
        (answer, who, run_id),
    )


def read_answer(connection: Connection[Any], plan: ShownPlan) -> tuple[str | None, str | None] | None:
    """Return the newest answer to this very plan and who gave it; None when nobody was asked since it was made."""
    row = connection.execute(
        "SELECT answer, answered_by FROM nexus_import.approval WHERE run_id = %s AND plan_digest = %s"
        " AND asked_at > (SELECT made_at FROM nexus_import.restore_plan WHERE restore_plan_id = %s)"
        " ORDER BY approval_id DESC LIMIT 1",
        (plan.run_id, plan.digest, plan.plan_id),
    ).fetchone()
    return (row[0], row[1]) if row else None


def require_approval(connection: Connection[Any], plan: ShownPlan, operators: list[str] | None) -> None:
    """Raise `RestoreRefused` unless this plan was approved by one of the operators, or by anybody when None."""
    answer, who = read_answer(connection, plan) or (None, None)
    if answer != APPROVE:
        raise RestoreRefused(
            f"This {plan.what} needs the approval of a person and has none; live Nexus is unchanged.", is_stale=True
        )
    if operators is not None and who not in operators:
        raise RestoreRefused(
            f"The {plan.what} was approved by '{who}', who is not an operator (operators in include/policy.yaml); "
            "live Nexus is unchanged.",
            is_stale=True,
        )


def record_restore(connection: Connection[Any], plan: RestorePlan, saved_manifest_key: str | None) -> None:
    """Write that the plan is done; part of the transaction that does it."""
    connection.execute(
        "INSERT INTO nexus_import.restore (restore_plan_id, run_id, scope, manifest_key, saved_manifest_key, counts)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (plan.plan_id, plan.run_id, plan.scope, plan.manifest_key, saved_manifest_key, Json(plan.counts)),
    )


def record_undo(connection: Connection[Any], plan: UndoPlan) -> None:
    """Write that the undo is done; part of the transaction that does it."""
    connection.execute(
        "INSERT INTO nexus_import.restore (restore_plan_id, run_id, scope, undone_plan_id, counts)"
        " VALUES (%s, %s, %s, %s, %s)",
        (plan.plan_id, plan.run_id, PUBLISH, plan.undone_plan_id, Json(plan.counts)),
    )


def find_restore(connection: Connection[Any], plan: ShownPlan) -> Restored | None:
    """Return what this plan put back, None when it was not committed."""
    row = connection.execute(
        "SELECT restore_id, restored_at, counts, saved_manifest_key, verified_at IS NOT NULL FROM nexus_import.restore"
        " WHERE restore_plan_id = %s",
        (plan.plan_id,),
    ).fetchone()
    return Restored(*row) if row else None


def find_undone_by_run(connection: Connection[Any], run_id: str) -> int | None:
    """Return the plan whose publish this run undid last, None when it has undone none."""
    row = connection.execute(
        "SELECT undone_plan_id FROM nexus_import.restore WHERE run_id = %s AND undone_plan_id IS NOT NULL"
        " ORDER BY restore_id DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return int(row[0]) if row else None


def mark_verified(connection: Connection[Any], restored: Restored) -> None:
    """Write that live Nexus was looked at after the commit."""
    connection.execute(
        "UPDATE nexus_import.restore SET verified_at = clock_timestamp() WHERE restore_id = %s", (restored.restore_id,)
    )
