"""A question put to a person, whose answer the journal keeps: what follows believes that, not a task's state."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context

log = logging.getLogger("nexus_import")
UNANSWERED = {"timeout": "Timed out"}
"""What the journal says for Airflow's kinds of error; any other kind is *Invalid*."""


@dataclass(frozen=True)
class Answer:
    """What a person answered; `who` is None when nobody did, `inputs` are the form's values."""

    text: str
    who: str | None
    inputs: dict[str, Any]

    @classmethod
    def of_event(cls, event: dict[str, Any]) -> Answer:
        """Return the answer that Airflow's trigger brings."""
        text = UNANSWERED.get(event["error_type"], "Invalid") if "error" in event else event["chosen_options"][0]
        return cls(text, (event.get("responded_by_user") or {}).get("name"), event.get("params_input") or {})


class JournalledApproval(ApprovalOperator, ABC):
    """Writes the question to the journal before it is asked, and the answer before anything acts on it.

    A task that was marked as success by hand leaves no answer there.
    """

    phase: str
    """Begins the line of the log that tells the answer."""

    def execute(self, context: Context) -> Any:
        """Write the question, then ask."""
        self.ask(context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer to the journal; a rejection skips what follows and the outcome turns red."""
        answer = Answer.of_event(event)
        self.record(context["run_id"], answer)
        log.info("%s: %s by %s", self.phase, answer.text, answer.who)
        return super().execute_complete(context, event)

    @abstractmethod
    def ask(self, context: Context) -> None:
        """Set `body`, and write the question to the journal."""

    @abstractmethod
    def record(self, run_id: str, answer: Answer) -> None:
        """Write the answer to the journal."""
