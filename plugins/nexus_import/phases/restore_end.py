"""The end of a restore: the verdict is spoken, whatever happened before."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from airflow.sdk import get_current_context, task, task_group

from nexus_import import clock
from nexus_import.core import restore_mails
from nexus_import.core.progress import elapsed
from nexus_import.core.restore_verdict import judge_restore
from nexus_import.errors import RunStopped
from nexus_import.nexus.restore.facts import read_restore_facts
from nexus_import.nexus.restore.records import close_restore, read_restore_run
from nexus_import.phases.common import connect
from nexus_import.phases.end import find_failed_tasks
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.phases.restore_common import load_restore_settings

log = logging.getLogger("nexus_import")
OUTCOME = "end.outcome"


@task_group(group_id="end", group_display_name="End: outcome")
def end_restore() -> None:
    """Say the verdict: a teardown, which nothing that stops the run skips, and which alone gives it its colour."""
    restore_outcome().as_teardown(on_failure_fail_dagrun=True)


@task(task_id="outcome")
def restore_outcome() -> str:
    """Say the verdict, from the journal; red when anything that was asked for was not done.

    Clearing it alone changes nothing: it says the same again, and mails nobody again.
    """
    settings, parameters = load_restore_settings()
    run_id = get_current_context()["run_id"]
    with connect(settings.policy.connections.nexus) as connection:
        verdict = judge_restore(read_restore_facts(connection, run_id, parameters.mode, find_failed_tasks()))
        run = read_restore_run(connection, run_id)
        if run is not None:
            close_restore(connection, run_id, verdict.state, verdict.sentence)
    total = elapsed((clock.now() - run.started_at).total_seconds()) if run else "0 s"
    places = find_places(get_current_context()["dag_run"].dag_id, run_id, OUTCOME)
    mail = restore_mails.ended(verdict, total, places, settings.policy.support_contact)
    if verdict.is_green:
        log.info("✅ %s. Total time: %s", verdict.sentence, total)
        send_mail(settings, mail, name_end(verdict.state))
        return verdict.state
    for sentence in verdict.details:
        log.error("❌ %s", sentence)
    log.error("Do not retry without reading this. Total time: %s. Support: %s", total, settings.policy.support_contact)
    send_mail(settings, mail, name_end(verdict.state))
    raise RunStopped(f"{mail.lead} {mail.next_step}")


def name_end(state: str) -> str:
    """Return the event by which the journal knows this end, which is another one once any other task has run again.

    A task that was killed leaves nothing in the journal. Airflow knows how long each task ran, to the microsecond.
    """
    context = get_current_context()
    # Airflow's protocol of a running task leaves this method out, which its class has
    ti: Any = context["ti"]
    ran = ti.get_task_breadcrumbs(dag_id=context["dag_run"].dag_id, run_id=context["run_id"])
    others = sorted((each["task_id"], each["duration"]) for each in ran if each["task_id"] != OUTCOME)
    return f"end {state} {hashlib.sha256(json.dumps(others).encode()).hexdigest()[:16]}"
