"""What phases 3 to 5 share: inserting an entity's rows by its mapping, and reporting what was kept."""

from __future__ import annotations

from typing import Any

from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.rows import find_conflicts, find_kept_text, insert_parts
from nexus_import.nexus.settle import settle_rows
from nexus_import.nexus.sql import run_file
from nexus_import.nexus.staging import absent_entities, require_staging
from nexus_import.nexus.working_copy import require_copy
from nexus_import.phases.common import Step


def require_ready(step: Step) -> None:
    """Lock the run's working copy and make sure that the staged records are the run's too."""
    require_copy(step.connection, step.run_id)
    require_staging(step.connection, step.run_id)


def present_mappings(step: Step) -> list[EntityMapping]:
    """Return the mappings that fill a table in this run, in the order of the sequence.

    An entity whose layout FileMaker does not have is not among them: its rows are left as they are.
    """
    absent = absent_entities(step.connection)
    return [mapping for mapping in step.settings.imported() if mapping.entity not in absent]


def insert_entity(step: Step, mapping: EntityMapping, path: str) -> tuple[int, int]:
    """Run the entity's insert file, composed from its mapping; return the rows inserted, and those put back.

    Rows that FileMaker does not hold are put back where phase 2 decided that they stay.
    """
    parts = insert_parts(step.connection, mapping, step.settings.policy.conflicts)
    inserted = run_file(step.connection, path, **parts)
    return inserted, settle_rows(step.connection, step.settings.data_policy, mapping)


def differences(step: Step, mapping: EntityMapping, folder: str) -> list[CheckResult]:
    """Return what Nexus and FileMaker disagree about, as check results of the phase."""
    kept = f"{folder}/clinical_text_kept_of_{mapping.label}"
    both = f"{folder}/both_sides_changed_{mapping.label}"
    conflict_severity = "stop" if step.settings.policy.conflicts == "stop" else "warn"
    results = [
        CheckResult(
            both,
            "Values that Nexus and FileMaker both changed since the last publish",
            step.settings.severity(both, conflict_severity),
            f"The policy says who wins (conflicts: {step.settings.policy.conflicts}); correct the wrong side",
            _findings(mapping, find_conflicts(step.connection, mapping)),
            own_severity=conflict_severity,
        )
    ]
    if any(column.clinical for column in mapping.columns.values()):
        results.append(
            CheckResult(
                kept,
                "Clinical text that was edited in Nexus is kept although FileMaker's differs",
                step.settings.severity(kept, "warn"),
                "Copy the text to FileMaker if it should stand there too",
                _findings(mapping, find_kept_text(step.connection, mapping)),
                own_severity="warn",
            )
        )
    return results


def _findings(mapping: EntityMapping, rows: list[tuple[Any, ...]]) -> list[Finding]:
    return [Finding(mapping.entity, *row) for row in rows]
