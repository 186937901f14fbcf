"""
# Restore a backup, or undo a publish

Puts back what a backup of the import holds, or what a publish replaced: all of it is checked first, compared with live
Nexus, shown to a person, and written in **one transaction**. Until that commits Nexus is as it was, and readers never
notice.

**To run it**: *Trigger*, choose the backup, or the publish to undo, and `rehearse` (checks and compares, changes
nothing) or `restore`. The log of `backup.choose_backup` lists the backups and publishes that are there, the log of
`compare.compare_with_live` what would be lost.

**Undo or restore**: an undo takes one publish back and leaves alone, by name, every row that somebody has written
since; the practice can go on working. A restore makes tables what they were, whoever wrote since: take Nexus into
maintenance first. What is written after the comparison would be lost unseen, so the restore refuses then. A backup of
the present state is taken before a restore: restoring that one takes it back.

**When it is red**: the last line of `end.outcome` says what is wrong and which task to clear, *with downstream*. When
Airflow itself is down, the same is done in a shell: `python -m nexus_import.restore --help`.

**Who may**: only the operators named in `include/policy.yaml`.
"""

from __future__ import annotations

from airflow.sdk import Param, chain, dag
from nexus_import.phases.common import tidy_docs
from nexus_import.phases.restore import choosing, comparing, restoring
from nexus_import.phases.restore_end import end_restore
from nexus_import.phases.restore_start import start_restore
from nexus_import.settings import configurations, configurations_in_words, read_policy

PARAMS = {
    "backup": Param(
        "newest",
        type="string",
        minLength=1,
        title="Which backup",
        description="newest: the newest good one that an import took. Or RUN or RUN/ATTEMPT, as the log of "
        "backup.choose_backup lists them; what a restore saved before it worked is chosen this way, to take it back.",
    ),
    "undo": Param(
        None,
        type=["null", "string"],
        minLength=1,
        examples=["newest"],
        title="Or which publish to undo",
        description="Leave it empty to restore a backup. newest: the newest publish that live Nexus holds. Or a run, "
        "as the log of backup.choose_backup lists them. Rows that somebody has written since are left alone and named.",
    ),
    "scope": Param(
        "patient_data",
        title="What to put back",
        enum=["patient_data", "everything"],
        description="patient_data: the tables that the import copies, as the policy declares them. "
        "everything: every table of the backup, with accounts, settings and configuration.",
    ),
    "mode": Param(
        "rehearse",
        title="What to do",
        enum=["rehearse", "restore"],
        description="rehearse: check and compare; live Nexus stays as it is. "
        "restore: then ask a person, and put it back.",
    ),
    "configuration": Param(
        read_policy().schedule.configuration,
        title="Configuration",
        section="The clinic's configuration",
        enum=configurations(),
        description=f"Whose policy says what patient data are: that of the imports. {configurations_in_words()}",
    ),
    "without_backup": Param(
        False,
        type="boolean",
        title="Restore even if the present state cannot be backed up first",
        description="Only when Nexus is too broken for a backup: what was written since is then gone for good.",
    ),
}


@dag(
    dag_id="restore_backup",
    dag_display_name="Restore a backup",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    allowed_run_types=["manual"],  # type: ignore[list-item]  # converted from text
    default_args={"retries": 0, "owner": "Nexus import"},
    params=PARAMS,
    tags={"nexus", "restore", "undo"},
)
def restore_backup() -> None:
    """Run the steps from top to bottom."""
    chain(
        start_restore(),
        choosing(),  # nothing is compared with what is damaged, or not all there any more
        comparing(),  # nobody is asked before it is known what would be lost
        restoring(),  # nothing is written before somebody said yes
        end_restore(),  # runs whatever happened before, and speaks the verdict
    )


tidy_docs(restore_backup())
