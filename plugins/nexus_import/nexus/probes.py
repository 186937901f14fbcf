"""The probes of phase 8 asked once more, of live Nexus after the publish: the same files, other tables.

The practice is at work again by then. A row that somebody has written since the tables were copied is theirs, and no
mistake of the publish: it is left out of the findings and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from nexus_import.core.sequence import first_gap
from nexus_import.core.source_names import SourceNames
from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.checks import CheckResult, Grades, load_check, probe_ids, run_check
from nexus_import.nexus.journal import latest_steps
from nexus_import.nexus.plan import rows_differ
from nexus_import.nexus.sql import LIVE_SCHEMA
from nexus_import.nexus.staging import require_staging
from nexus_import.nexus.working_copy import live, require_copy, work

WHAT_TO_DO = "Open these in Nexus beside FileMaker (docs/runbook.md, After the publish)"
_ROW = "SELECT id AS row_id, id AS written_id FROM {live}"
_ROWS: dict[str, tuple[tuple[str, str], ...]] = {
    "patient": (("patients", _ROW),),
    "appointment": (("appointments", _ROW),),
    "document": (("documents_document", _ROW),),
    "image": (
        ("images_image", _ROW),
        ("images_batch", "SELECT id AS row_id, batch_id AS written_id FROM public.images_image"),
    ),
}
"""By entity of a finding: the tables whose rows decide what is shown, and which row of them is behind which finding."""


@dataclass(frozen=True)
class LiveAnswers:
    """What live Nexus answered: a result for each probe, and how many findings are about rows written since."""

    results: list[CheckResult]
    theirs_count: int


def ask_live(connection: Connection[Any], run_id: str, grades: Grades, source: SourceNames) -> LiveAnswers | None:
    """Ask live Nexus what phase 8 asked the working copy; None when the run's own records are no longer there.

    Working copy and staged records are held for the rest of the transaction.
    """
    if not _is_all_there(connection, run_id):
        return None
    results, theirs_count = [], 0
    for check_id, original in probe_ids().items():
        check = replace(
            load_check(original, source, schema=LIVE_SCHEMA), check_id=check_id, severity="warn", todo=WHAT_TO_DO
        )
        if not check.applies:
            continue
        result = run_check(connection, check, grades)
        theirs = _written_since(connection, result)
        ours = [finding for finding in result.findings if finding.nexus_id not in theirs]
        theirs_count += len(result.findings) - len(ours)
        results.append(replace(result, findings=ours))
    return LiveAnswers(results, theirs_count)


def _is_all_there(connection: Connection[Any], run_id: str) -> bool:
    """Tell whether working copy and staged records are still those that were published."""
    try:
        require_copy(connection, run_id)
        # another run that is just taking the staging area is waited for, or waits
        connection.execute("LOCK TABLE nexus_staging.stamp IN SHARE MODE")
        require_staging(connection, run_id)
    except WorkingCopyError:
        return False
    return first_gap(latest_steps(connection, run_id)) is None


def _written_since(connection: Connection[Any], result: CheckResult) -> set[UUID]:
    """Return the rows of the findings that others wrote or removed since: they are not as the working copy has them.

    The publish proved before its commit that what it wrote is as in the copy; what it did not touch is as copied.
    """
    theirs: set[UUID] = set()
    for entity in {finding.entity for finding in result.findings}:
        ids = [finding.nexus_id for finding in result.findings if finding.entity == entity]
        for table, rows in _ROWS.get(entity, ()):
            query = sql.SQL(
                "SELECT asked.id FROM unnest({ids}::uuid[]) AS asked (id)"
                " LEFT JOIN ({rows}) AS behind ON behind.row_id = asked.id"
                " LEFT JOIN {live} AS present ON present.id = behind.written_id"
                " LEFT JOIN {work} AS published ON published.id = behind.written_id"
                " WHERE present.id IS NULL OR published.id IS NULL OR {differ}"
            ).format(
                ids=sql.Literal(ids),
                rows=sql.SQL(rows).format(live=live(table)),
                live=live(table),
                work=work(table),
                differ=rows_differ(connection, table, "present", "published"),
            )
            theirs |= {row_id for (row_id,) in connection.execute(query)}
    return theirs
