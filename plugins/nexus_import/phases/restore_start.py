"""The start of a restore: who asked for it, and may they."""

from __future__ import annotations

import logging

from airflow.sdk import get_current_context, task, task_group

from nexus_import.core import restore_mails
from nexus_import.errors import RunStopped
from nexus_import.nexus.journal import create_journal, record_attempt
from nexus_import.nexus.restore.records import open_restore
from nexus_import.nexus.roles import require_restricted
from nexus_import.phases.common import connect
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.phases.restore_common import load_restore_settings
from nexus_import.phases.start import refuse

log = logging.getLogger("nexus_import")


@task_group(group_id="start", group_display_name="Start")
def start_restore() -> None:
    """Record the attempt; go on if the person may restore."""
    record_restore_attempt()


@task(task_id="record_attempt")
def record_restore_attempt() -> None:
    """Open the restore in the journal, which is made anew where it was lost. Clearing is safe."""
    dag_run = get_current_context()["dag_run"]
    settings, parameters = load_restore_settings()
    chosen = parameters.model_dump()
    run_id, kind, who = dag_run.run_id, dag_run.run_type, dag_run.triggering_user_name
    with connect(settings.policy.connections.nexus) as connection:
        require_restricted(connection, "import")
        with connection.transaction():
            create_journal(connection)
        refusal = refuse(settings, kind, who, "restore a backup")
        with connection.transaction():
            record_attempt(connection, run_id, kind, who, chosen, refusal)
            if refusal is None:
                open_restore(connection, run_id, who, chosen)
    if refusal:
        raise RunStopped(refusal)
    words = ", ".join(f"{name} {value}" for name, value in chosen.items() if value is not None)
    log.info("Restore started by %s: %s", who, words)
    send_mail(settings, restore_mails.started(who, words, find_places(dag_run.dag_id, run_id)), "started")
