"""The question put to a person before a publish: when it is asked, what it says, and the reminder while it waits."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Context, Param

from nexus_import import clock
from nexus_import.core import run_mails
from nexus_import.core.approval import is_within_publish_window
from nexus_import.core.plan_summary import plan_as_markdown
from nexus_import.errors import NexusImportError, RunStopped
from nexus_import.nexus.approvals import read_question, record_answer, record_question
from nexus_import.nexus.plan import Plan, latest_plan
from nexus_import.nexus.plan_summary import read_summary
from nexus_import.phases.asking import Answer, JournalledApproval
from nexus_import.phases.common import connect, load_settings
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.settings import Settings, read_policy

log = logging.getLogger("nexus_import")
PHASE = "Publish"
TASK_ID = "publish.approve_plan"
WHEN = "when"
NOW = "now"
IN_THE_WINDOW = "in the publish window"
TIME = "%A %d %B %H:%M %Z"


def approval_reasons(settings: Settings, plan: Plan, run_type: str, now: datetime) -> list[str]:
    """Return why this plan may not be published without a person's word; empty when it may."""
    reasons = list(plan.unusual)
    if settings.parameters.nexus_only == "delete" and plan.change_count:
        reasons.append("this run was started with nexus_only: delete, which takes what exists only in Nexus")
    if settings.parameters.approval == "always":
        reasons.append("this run was started with approval: always")
    if is_outside_window(settings, run_type, now):
        start, end = settings.policy.schedule.publish_window
        reasons.append(f"it is outside the publish window {start} to {end}: choose 'now' to publish all the same")
    return reasons


def is_outside_window(settings: Settings, run_type: str, now: datetime) -> bool:
    """Tell whether this is a scheduled run outside its publish window; people publish when they choose to."""
    window = settings.policy.schedule.publish_window
    return run_type == "scheduled" and not is_within_publish_window(now.astimezone(settings.policy.zone), window)


def make_approval() -> PlanApproval:
    """Return the task that asks; it waits as long as the policy says."""
    return PlanApproval(
        task_id=TASK_ID.rpartition(".")[2],
        subject="Publish the import to live Nexus?",
        ignore_downstream_trigger_rules=True,
        response_timeout=timedelta(hours=read_policy().approval_timeout_hours),
        doc_md="Asks a person when the policy or the run says so: the plan, what would be lost, and why it asks. "
        "Reject, or no answer in time, ends the run red and leaves live Nexus as it is. Clearing, with downstream, is "
        "safe: it asks again.",
        params={
            WHEN: Param(
                IN_THE_WINDOW,
                enum=[IN_THE_WINDOW, NOW],
                title="When",
                description="Only asked of scheduled runs: outside the publish window nothing is published unless now.",
            )
        },
    )


class PlanApproval(JournalledApproval):
    """Asks for the approval of the run's latest plan."""

    phase = PHASE

    def ask(self, context: Context) -> None:
        """Write the question, and mail it."""
        settings, run_id = load_settings(), context["run_id"]
        with connect(settings.policy.connections.nexus) as connection, connection.transaction():
            plan = latest_plan(connection, run_id)
            if plan is None:
                raise RunStopped("There is no plan to approve. Clear publish.make_plan with downstream.")
            record_question(connection, run_id, plan)
            question = read_question(connection, run_id)
            summary = read_summary(connection, plan.plan_id)
        reasons = approval_reasons(settings, plan, context["dag_run"].run_type, clock.now())
        places = find_places(context["dag_run"].dag_id, run_id, TASK_ID)
        until = say_when(settings, clock.now())
        who = " or ".join(settings.policy.operators)
        self.body = plan_as_markdown(summary, reasons) + (
            f"\n\n[Import report]({places.report}) · [Run]({places.run})\n\n"
            f"{who} may answer. Without an answer the run ends at {until}; live Nexus then stays as it is."
        )
        if question is not None:
            mail = run_mails.waiting(summary, reasons, settings.policy.operators, until, places)
            send_mail(settings, mail, question.event)

    def record(self, run_id: str, answer: Answer) -> None:
        """Write the answer, and whether it says to publish outside the window."""
        settings = load_settings()
        says_now = answer.inputs.get(WHEN) == NOW
        with connect(settings.policy.connections.nexus) as connection, connection.transaction():
            record_answer(connection, run_id, answer.text, answer.who, says_now=says_now)


def say_when(settings: Settings, asked_at: datetime) -> str:
    """Return in the clinic's time when a question of that moment ends without an answer."""
    until = asked_at + timedelta(hours=settings.policy.approval_timeout_hours)
    return f"{until.astimezone(settings.policy.zone):{TIME}}"


def remind(context: dict[str, Any]) -> None:
    """Mail once more if the run still waits for a person: Airflow calls it some hours after the run was queued.

    `context` holds the run as Airflow's REST API shows it. It is no task: nothing here can stop a run.
    """
    run = context["dag_run"]
    dag_id, run_id = run["dag_id"], run["dag_run_id"]
    settings = Settings.load(dict(run.get("conf") or {}), run["run_type"])
    try:
        with connect(settings.policy.connections.nexus) as connection, connection.transaction():
            question = read_question(connection, run_id)
            if question is None:
                log.info("Nobody needs to be reminded: run %s asks nothing", run_id)
                return
            summary = read_summary(connection, question.plan.plan_id)
    except NexusImportError as error:
        log.warning("Nobody could be reminded: %s", error)
        return
    reasons = approval_reasons(settings, question.plan, run["run_type"], clock.now())
    until, places = say_when(settings, question.asked_at), find_places(dag_id, run_id, TASK_ID)
    mail = run_mails.waiting(summary, reasons, settings.policy.operators, until, places, again=True)
    send_mail(settings, mail, f"reminder {question.event}", run_id=run_id)
