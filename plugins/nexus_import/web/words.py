"""What the pages say when there is no report to show."""

from __future__ import annotations

from nexus_import.core.headline import Headline

NO_JOURNAL = Headline(
    "idle",
    "Nothing to report yet",
    "Nexus has no journal of an import: the first run makes it in its first task.",
    "If this run has ended, look at the log of its first task, which says why it did not begin.",
    look_at="start.record_attempt",
)
UNKNOWN_RUN = Headline(
    "idle",
    "This run is not known",
    "Neither Airflow nor the journal of Nexus has a run of this name.",
    "Choose one from the list of all runs.",
)


def other_dag(dag_id: str) -> Headline:
    """Say that a run is none of the import."""
    return Headline(
        "idle",
        "No import report here",
        f"This is a run of {dag_id}; the report is about the runs of the FileMaker import.",
        "Nothing is left to do. The list of all runs has the imports.",
    )


def database_away(reason: str) -> Headline:
    """Say that Nexus does not answer."""
    return Headline(
        "bad",
        "The database of Nexus does not answer",
        f"The report is read from the journal in it. {reason}",
        "Wait a moment and reload. If it stays so, tell the person who looks after Nexus; a running import waits too.",
    )


def not_set_up(reason: str) -> Headline:
    """Say that the way to Nexus is not set up."""
    return Headline(
        "bad",
        "Airflow cannot reach Nexus",
        reason,
        "Add the connection under Admin, Connections, as include/policy.yaml names it; then reload.",
    )
