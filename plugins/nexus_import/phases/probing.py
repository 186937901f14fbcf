"""Probes of live Nexus after the commit: of its tables, and of the application itself where a connection names it.

Nothing here may turn a run red by being away: what was published is published.
"""

from __future__ import annotations

import logging

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from nexus_import.application.access import Access, read_access
from nexus_import.application.client import NexusApplication
from nexus_import.application.questions import ask, away_result
from nexus_import.core.source_names import SourceNames
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.probes import ask_live
from nexus_import.nexus.publish import find_publication
from nexus_import.nexus.shown import draw_patients
from nexus_import.phases.common import Step, connect
from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")


def probe_live(step: Step) -> list[CheckResult]:
    """Ask live Nexus what phase 8 asked the working copy; nothing when that is another run's by now."""
    answers = ask_live(
        step.connection,
        step.run_id,
        step.settings,
        SourceNames(step.settings.mappings),
    )
    if answers is None:
        log.info(
            "%s: The probes are not asked of live Nexus: the staged records or the working copy that they compare it "
            "with are no longer this run's",
            step.phase,
        )
        return []
    log.info("%s: %d probes asked of live Nexus", step.phase, len(answers.results))
    if answers.theirs_count:
        log.info("%s: %s of their answers are about rows that others wrote since", step.phase, answers.theirs_count)
    return answers.results


def probe_application(settings: Settings, run_id: str, phase: str) -> list[CheckResult]:
    """Ask the application over HTTP about patients drawn at random; nothing when no connection names it.

    No transaction is open while it is asked.
    """
    name = settings.policy.connections.application
    try:
        access = find_access(name)
    except ConfigurationError as error:
        return [away_result([Finding("application", detail=str(error))], settings, name)]
    if access is None:
        log.info("%s: The application is not asked: there is no Airflow connection '%s'", phase, name)
        return []
    with connect(settings.policy.connections.nexus) as connection, connection.transaction():
        if find_publication(connection, run_id) is None:
            return []
        patients = draw_patients(connection, settings.policy.probes.patients)
    log.info("%s: Asking the application at %s about %d patients...", phase, access.url, len(patients))
    with NexusApplication(access, settings.policy.probes.budget_seconds) as application:
        return ask(application, patients, settings, name)


def log_warnings(phase: str, results: list[CheckResult]) -> None:
    """Log each result that found something; a result that stops is the caller's to raise."""
    for result in results:
        if result.findings:
            log.warning("%s: %s", phase, result.sentence())


def find_access(name: str) -> Access | None:
    """Return what the connection says, None when there is none; raise `ConfigurationError` when it cannot be used."""
    try:
        connection = BaseHook.get_connection(name)
        extra = connection.extra_dejson
    except AirflowNotFoundException:
        return None
    except (AirflowException, ValueError) as error:
        raise ConfigurationError(
            f"The Airflow connection '{name}' could not be read ({type(error).__name__})"
        ) from None
    return read_access(
        name,
        host=connection.host,
        port=connection.port,
        scheme=connection.schema,
        login=connection.login,
        password=connection.password,
        extra=extra,
    )
