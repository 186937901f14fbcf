"""Phase 6: re-link the documents in the working copy."""

from __future__ import annotations

from airflow.sdk import TriggerRule, chain, task, task_group

from nexus_import.nexus.sql import run_file
from nexus_import.phases.common import Counts, Step, open_step
from nexus_import.phases.gates import make_gate, run_checks
from nexus_import.phases.importing import require_ready

PHASE = "Phase 6"
FOLDER = "phase_6_documents"


@task_group(group_id=FOLDER, group_display_name="Phase 6: Re-Link Documents")
def documents() -> None:
    """Link every document to the patient that the evidence names."""
    relinked, checked = relink_documents(), check_documents()
    gate = make_gate("gate_6", PHASE, "phase_6")(checked)
    chain(relinked, checked, gate)


@task(trigger_rule=TriggerRule.NONE_FAILED, multiple_outputs=False)
def relink_documents() -> Counts:
    """Collect the evidence and link. Clearing, with downstream, is safe: it starts from what was copied."""
    with open_step("relink_documents", PHASE, "Re-linking documents") as step:
        require_ready(step)
        run_file(step.connection, f"{FOLDER}/010_collect_evidence.sql")
        changed = run_file(step.connection, f"{FOLDER}/020_relink_documents.sql")
        finish_relinking(step, "documents_document", "documents", changed)
    return step.counts


def finish_relinking(step: Step, table: str, label: str, changed: int) -> None:
    """Finish a relinking step with counts by evidence."""
    evidence = dict(
        step.connection.execute(
            "SELECT COALESCE(evidence, 'none'), count(*) FROM nexus_work.decision WHERE table_name = %s GROUP BY 1",
            (table,),
        ).fetchall()
    )
    linked = sum(count for source, count in evidence.items() if source != "none")
    step.finish(
        f"Re-linked {linked:,} {label} ({changed:,} links repaired)",
        records=linked,
        linked_count=linked,
        repaired_count=changed,
        unlinked_count=evidence.get("none", 0),
        **{f"by_{source}_count": evidence.get(source, 0) for source in ("metadata", "link", "record", "key")},
    )


@task(multiple_outputs=False)
def check_documents() -> Counts:
    """Check that every document has an existing, right patient and none is missing. Clearing is safe."""
    with open_step("check_6", PHASE, "Validating the documents") as step:
        require_ready(step)
        run_checks(step, "phase_6")
    return step.counts
