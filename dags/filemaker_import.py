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

from airflow.sdk import CronTriggerTimetable, Param, chain, dag
from nexus_import.phases.appointments import appointments
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
from nexus_import.settings import DEFAULT_CONFIGURATION, configurations, read_policy

SCHEDULE = read_policy().schedule
PARAMS = {
    "mode": Param(
        "rehearse",
        title="What to do",
        enum=["rehearse", "publish"],
        description="rehearse: everything except the last step, live Nexus stays as it is. publish: switch live Nexus.",
    ),
    "approval": Param(
        "when_unusual",
        title="Ask a person before the publish",
        enum=["when_unusual", "always"],
        description="when_unusual: only if the plan crosses a limit of the policy, or is the first to fill a table. "
        "always: in any case.",
    ),
    "nexus_only": Param(
        "keep",
        title="Rows that exist only in Nexus",
        enum=["keep", "delete"],
        description="keep: notes, letters, reminders, messages and links made in Nexus stay. "
        "delete: they go with the patients; the plan lists them and a person is asked.",
    ),
    "configuration": Param(
        DEFAULT_CONFIGURATION,
        title="Configuration",
        enum=configurations(),
        description="Which mapping files and which policy are used. default: include/mapping and include/policy.yaml. "
        + " ".join(
            f"{name}: include/mapping/{name} and include/policy.{name}.yaml."
            for name in configurations()
            if name != DEFAULT_CONFIGURATION
        ),
    ),
}


@dag(
    dag_id="filemaker_import",
    dag_display_name="FileMaker import",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(SCHEDULE.cron, timezone=read_policy().time_zone),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    allowed_run_types=["manual", "scheduled"],  # type: ignore[list-item]  # converted from text
    # Only transport errors are retried, where they happen; a task that failed waits for a person.
    default_args={"retries": 0, "owner": "Nexus import"},
    params=PARAMS,
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


filemaker_import()
