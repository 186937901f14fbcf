"""The publishes that the journal knows: which of them live Nexus still holds, and which of these can be undone.

They are undone in the reverse of their order. A later publish stands on the rows, and on what the import remembers,
of the ones before it; so an earlier one is undone after it, and each undo leaves what that publish had found. Publishes
that changed no row stand in nobody's way: they are taken back together with the one below them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from nexus_import.errors import UndoRefused
from nexus_import.nexus.images import Columns
from nexus_import.nexus.manifest import NEWEST
from nexus_import.nexus.plan import Counts


@dataclass(frozen=True)
class Published:
    """One publish. `columns` are those that its tables had then; `kept_count` the rows kept as they were before it."""

    plan_id: int
    run_id: str
    published_at: datetime
    counts: Counts
    columns: Columns
    undone_at: datetime | None
    undone_by: str | None
    kept_count: int

    @property
    def change_count(self) -> int:
        """Rows added, changed and removed together."""
        return sum(count for actions in self.counts.values() for count in actions.values())

    @property
    def stands(self) -> bool:
        """Tell whether live Nexus holds it."""
        return self.undone_at is None

    def count(self, action: str) -> int:
        """Return the rows of all tables that it added, changed or removed (add, change, remove)."""
        return sum(actions.get(action, 0) for actions in self.counts.values())


def read_publications(connection: Connection[Any]) -> list[Published]:
    """Return every publish, the newest first; none when there is no journal."""
    row = connection.execute("SELECT to_regclass('nexus_import.publication') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return []
    rows = connection.execute(
        "SELECT plan_id, run_id, published_at, counts, table_columns, undone_at, undone_by,"
        "  (SELECT count(*) FROM nexus_import.before_image WHERE before_image.plan_id = publication.plan_id)"
        " FROM nexus_import.publication ORDER BY published_at DESC, plan_id DESC"
    )
    return [Published(*values) for values in rows]


def choose_publication(found: Sequence[Published], wanted: str) -> Published:
    """Return the publish that a person named: "newest", or the newest of a run.

    "newest" is the newest that live Nexus holds and that changed a row. Of a run the newest that stands, else the
    newest that was undone. Raises `UndoRefused` that says what is there.
    """
    if wanted == NEWEST:
        chosen = next((entry for entry in found if entry.stands and entry.change_count), None)
    else:
        of_run = [entry for entry in found if entry.run_id == wanted]
        chosen = next((entry for entry in of_run if entry.stands), next(iter(of_run), None))
    if chosen is not None:
        return chosen
    names = ", ".join(dict.fromkeys(entry.run_id for entry in found if entry.stands)) or "none"
    what = "There is no publish to undo" if wanted == NEWEST else f"Run {wanted} has published nothing"
    raise UndoRefused(f"{what}. Runs whose publish live Nexus holds, newest first: {names}.")


def require_undoable(found: Sequence[Published], plan_id: int) -> tuple[Published, list[Published]]:
    """Return the publish, and the later ones without a row that are undone with it, the newest first.

    Raises `UndoRefused` when it cannot be undone.
    """
    chosen = next((entry for entry in found if entry.plan_id == plan_id), None)
    if chosen is None:
        raise UndoRefused("The journal does not know the publish that was to be undone any more.", is_stale=True)
    if problem := problem_of(found, chosen):
        raise UndoRefused(problem, is_stale=True)
    return chosen, _later(found, chosen)


def problem_of(found: Sequence[Published], chosen: Published) -> str | None:
    """Return why this publish cannot be undone now and what to do instead, None when it can."""
    if chosen.undone_at is not None:
        return f"The publish of run {chosen.run_id} was undone already, {when_undone(chosen)}."
    if chosen.kept_count != chosen.change_count:
        return (
            f"Of the {chosen.change_count:,} rows that run {chosen.run_id} published, {chosen.kept_count:,} are still "
            "kept as they were before: the others were removed by the policy's retention. Restore a backup instead."
        )
    if other := in_the_way(found, chosen):
        return f"Run {other.run_id} has published since: undo that first, then run {chosen.run_id}."
    return None


def when_undone(published: Published) -> str:
    """Return who undid it and when."""
    return f"by {published.undone_by} at {published.undone_at:%Y-%m-%d %H:%M} UTC"


def in_the_way(found: Sequence[Published], chosen: Published) -> Published | None:
    """Return the newest publish that has to be undone before this one, None when there is none."""
    return next((entry for entry in _later(found, chosen) if entry.change_count), None)


def _later(found: Sequence[Published], chosen: Published) -> list[Published]:
    """Return the publishes above this one that stand, the newest first."""
    return [entry for entry in found[: list(found).index(chosen)] if entry.stands]
