"""Mails to people: counts, ids and the next step. A mail server that is down never fails the import."""

from __future__ import annotations

import html
import logging
import os
import smtplib
from urllib.parse import quote

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import get_current_context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")


def send_mail(settings: Settings, event: str, text: str) -> bool:
    """Send a short mail about the running DAG run; return whether it was handed over."""
    context = get_current_context()
    link = run_link(context["dag_run"].dag_id, context["run_id"])
    lines = [*text.splitlines(), "", f"Run: {link}", f"Support: {settings.policy.support_contact}"]
    body = "<br>\n".join(html.escape(line) for line in lines)
    try:
        with SmtpHook(smtp_conn_id=settings.policy.connections.mail) as hook:
            hook.send_email_smtp(
                to=settings.policy.mail.to,
                subject=f"Nexus import {event}",
                html_content=body,
                from_email=settings.policy.mail.sender,
            )
    except (OSError, smtplib.SMTPException, AirflowException, AirflowNotFoundException) as error:
        log.warning("The mail '%s' could not be sent (%s); the import goes on.", event, type(error).__name__)
        return False
    return True


def run_link(dag_id: str, run_id: str) -> str:
    """Return the address of the run in the Airflow UI."""
    base = conf.get("api", "base_url", fallback="") or os.environ.get("AIRFLOW__API__BASE_URL", "")
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
