"""
# FileMaker import

Imports patients, appointments, notes, letters and reminders from FileMaker into Nexus again and re-links documents and
images, in the one order the data allow. Everything happens on a working copy; live Nexus is switched in **one
transaction** at the end, so until then nobody notices anything.

**To run it**: *Trigger*, choose `rehearse` (looks, changes nothing) or `publish`.

**When it is red**: open the log of `end.outcome`. Its last line says what is wrong and which task to clear, *with
downstream*. Do not retry without reading it. After a correction in FileMaker that task is
`phase_0_validate.verify_filemaker`. Live Nexus is unchanged unless the line says *published*.

**Who may**: only the operators named in `include/policy.yaml`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, chain, dag
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from nexus_import.phases.appointments import appointments
from nexus_import.phases.approving import remind
from nexus_import.phases.common import tidy_docs
from nexus_import.phases.delete import delete
from nexus_import.phases.documents import documents
from nexus_import.phases.end import end
from nexus_import.phases.images import images
from nexus_import.phases.notes import notes
from nexus_import.phases.patients import patients
from nexus_import.phases.post_validate import post_validate
from nexus_import.phases.preserve import preserve
from nexus_import.phases.publishing import publishing
from nexus_import.phases.start import start
from nexus_import.phases.validate import validate
from nexus_import.settings import DEFAULT_CONFIGURATION, configurations, configurations_in_words, read_policy

POLICY = read_policy()
# what has no section is open when the form comes up; the others are opened by who needs them
PARAMS = {
    "mode": Param(
        "rehearse",
        title="What to do",
        enum=["rehearse", "publish"],
        values_display={
            "rehearse": "rehearse: do everything except the last step",
            "publish": "publish: switch live Nexus at the end",
        },
        description="A rehearsal reads, checks and plans, and leaves live Nexus as it is. Start with one.",
    ),
    "approval": Param(
        "when_unusual",
        title="Ask a person before the publish",
        enum=["when_unusual", "always"],
        values_display={
            "when_unusual": "when unusual: if the plan crosses a limit of the policy",
            "always": "always",
        },
        description="Unusual is also a plan that is the first to fill a table, or takes what exists only in Nexus. "
        "A rehearsal asks nobody.",
    ),
    "nexus_only": Param(
        "keep",
        title="Rows that exist only in Nexus",
        section="What FileMaker does not have",
        enum=["keep", "delete"],
        values_display={
            "keep": "keep: they stay, on the same patient",
            "delete": "delete: they go with the patients, after a person was asked",
        },
        description="Notes, letters, reminders, messages, encounters and links that were made in Nexus. "
        "With delete the plan lists by table what would go.",
    ),
    "configuration": Param(
        DEFAULT_CONFIGURATION,
        title="Configuration",
        section="The clinic's configuration",
        enum=configurations(),
        description=f"Which mapping files and which policy are used. {configurations_in_words()}",
    ),
}


@dag(
    dag_id="filemaker_import",
    dag_display_name="FileMaker import",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(POLICY.schedule.cron, timezone=POLICY.time_zone),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    allowed_run_types=["manual", "scheduled"],  # type: ignore[list-item]  # converted from text
    # Only transport errors are retried, where they happen; a task that failed waits for a person.
    default_args={"retries": 0, "owner": "Nexus import"},
    params=PARAMS,
    # A run that still waits for a person is mentioned once more; any other is left alone. Not by DAGRUN_QUEUED_AT:
    # Airflow 3.3.2 refuses to clear a run whose deadline counts from there, with HTTP 500.
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=timedelta(hours=POLICY.approval_reminder_hours),
        callback=SyncCallback(remind),
    ),
    tags={"nexus", "filemaker"},
)
def filemaker_import() -> None:
    """Run the phases from top to bottom."""
    chain(
        start(),
        validate(),  # its gate: nothing is copied before FileMaker's data were found good
        preserve(),
        delete(),
        patients(),
        appointments(),  # patients come first: an appointment refers to one
        notes(),  # may be skipped; what follows then runs all the same
        documents(),
        images(),
        post_validate(),  # its gate: nothing is planned before everything was proven
        publishing(),
        end(),  # runs whatever happened before, and speaks the verdict
    )


tidy_docs(filemaker_import())
