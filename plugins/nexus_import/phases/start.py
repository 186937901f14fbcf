"""Start: who asked for this run, is it allowed, is it time; the journal is opened and the first mail goes out."""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import get_current_context, task, task_group

from nexus_import import clock
from nexus_import.core import run_mails
from nexus_import.core.approval import is_within_launch_window
from nexus_import.core.progress import elapsed
from nexus_import.errors import RunStopped
from nexus_import.nexus.journal import close_run, create_journal, expected_seconds, open_run, record_attempt
from nexus_import.nexus.roles import require_restricted
from nexus_import.phases.common import connect, load_settings
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")


@task_group(group_id="start", group_display_name="Start")
def start() -> None:
    """Record the attempt; go on if the person may trigger the import and a scheduled run is on time."""
    record_run()


@task.short_circuit(task_id="record_attempt", ignore_downstream_trigger_rules=True)
def record_run() -> bool:
    """Open the run in the journal.

    Clearing is safe: the run keeps its first start time. A scheduled run that starts outside the launch window on
    its first attempt is skipped (the scheduler fires a missed slot when the DAG is unpaused); nothing is mailed.
    """
    context = get_current_context()
    dag_run, ti = context["dag_run"], context["ti"]
    settings = load_settings()
    parameters = settings.parameters.model_dump()
    who = dag_run.triggering_user_name
    with connect(settings.policy.connections.nexus) as connection:
        require_restricted(connection, "import")
        with connection.transaction():
            create_journal(connection)
        refusal = refuse(settings, dag_run.run_type, who)
        if refusal:
            with connection.transaction():
                record_attempt(connection, dag_run.run_id, dag_run.run_type, who, parameters, refusal)
            raise RunStopped(refusal)
        window = timedelta(minutes=settings.policy.schedule.launch_window_minutes)
        slot = dag_run.run_after or clock.now()
        is_late = not is_within_launch_window(slot, clock.now(), window)
        with connection.transaction():
            open_run(connection, dag_run.run_id, dag_run.run_type, who, parameters)
            if dag_run.run_type == "scheduled" and is_late and ti.try_number == 1:
                message = f"Skipped: the slot of {slot:%Y-%m-%d %H:%M %Z} is over. Trigger the import by hand if needed"
                close_run(connection, dag_run.run_id, "skipped", message)
                log.info("%s.", message)
                return False
            expected = expected_seconds(connection, dag_run.run_id)
    log.info("Import started by %s: %s", who or "the schedule", parameters)
    log.info("Earlier runs took about %s", elapsed(expected) if expected else "an unknown time: this is the first")
    places = find_places(dag_run.dag_id, dag_run.run_id)
    send_mail(settings, run_mails.started(who, parameters, expected, places), "started")
    return True


def refuse(settings: Settings, run_type: str, who: str | None, act: str = "run the import") -> str | None:
    """Return why this person may not do that, None when they may."""
    if run_type == "scheduled" or who in settings.policy.operators:
        return None
    return (
        f"'{who}' may not {act}: only {', '.join(settings.policy.operators)} may "
        "(operators in include/policy.yaml). Nothing was read or changed."
    )
