"""Mails to people: handed to the mail server once for each event. A server that is down never fails the import."""

from __future__ import annotations

import logging
import os
import smtplib
from contextlib import ExitStack
from email.message import EmailMessage
from urllib.parse import quote

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import get_current_context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from nexus_import.core.mails import Attachment, Envelope, Mail, as_message
from nexus_import.core.run_mails import RunPlaces
from nexus_import.errors import DatabaseRefusedError
from nexus_import.nexus.journal import record_mail
from nexus_import.phases.common import connect
from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")


def send_mail(
    settings: Settings,
    mail: Mail,
    key: str | None = None,
    attachments: tuple[Attachment, ...] = (),
    run_id: str | None = None,
) -> bool:
    """Send a mail about a run, the running one unless told; return whether it was handed over.

    `key` names the event in the journal: what was mailed once is not mailed again by a task that was cleared. Without
    a key the journal is not asked. Nothing that goes wrong here is raised.
    """
    run_id = run_id or get_current_context()["run_id"]
    message = as_message(mail, Envelope(settings.policy.mail.sender, settings.policy.mail.to, run_id), attachments)
    try:
        with ExitStack() as stack:
            if key is not None:
                connection = stack.enter_context(connect(settings.policy.connections.nexus))
                # a mail that is not taken leaves no entry
                stack.enter_context(connection.transaction())
                if not record_mail(connection, run_id, key):
                    log.info("The mail '%s' went out before", mail.event)
                    return False
            _hand_over(settings.policy.connections.mail, message)
    except (OSError, smtplib.SMTPException, AirflowException, AirflowNotFoundException, DatabaseRefusedError) as error:
        log.warning("The mail '%s' could not be sent (%s); the import goes on.", mail.event, type(error).__name__)
        return False
    return True


def _hand_over(connection_id: str, message: EmailMessage) -> None:
    with SmtpHook(smtp_conn_id=connection_id) as hook:
        # the hook's own method makes mails of HTML alone; its connection, log-in and time limit are what is used
        client = hook._smtp_client
        if isinstance(client, smtplib.SMTP):
            client.send_message(message)


def find_places(dag_id: str, run_id: str, task_id: str = "end.outcome") -> RunPlaces:
    """Return the addresses that a mail names: of the run, and of the task that asks or spoke."""
    run = run_link(dag_id, run_id)
    task = f"{run}/tasks/{task_id}"
    # the report is a tab of the run; the question a dialog over the task
    return RunPlaces(run, f"{run}/plugin/import-report", f"{task}/required_actions", task)


def run_link(dag_id: str, run_id: str) -> str:
    """Return the address of the run in the Airflow UI."""
    base = conf.get("api", "base_url", fallback="") or os.environ.get("AIRFLOW__API__BASE_URL", "")
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
