"""Questions about a plan, and the answers of people, as the journal holds them; the publish believes nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from nexus_import.nexus.plan import Plan, latest_plan


@dataclass(frozen=True)
class Question:
    """A question that waits for an answer; `number` counts the answers that the run had before it."""

    plan: Plan
    asked_at: datetime
    number: int

    @property
    def event(self) -> str:
        """What the journal of mails calls it: one that is asked once more, unanswered, is the same."""
        return f"question {self.plan.digest} {self.number}"


def record_question(connection: Connection[Any], run_id: str, plan: Plan) -> None:
    """Note that a person is asked about the plan."""
    connection.execute("INSERT INTO nexus_import.approval (run_id, plan_digest) VALUES (%s, %s)", (run_id, plan.digest))


def read_question(connection: Connection[Any], run_id: str) -> Question | None:
    """Return the run's newest question, None when nobody was asked about its latest plan, or it was answered."""
    plan = latest_plan(connection, run_id)
    row = connection.execute(
        "SELECT plan_digest, asked_at, answer, (SELECT count(answer) FROM nexus_import.approval WHERE run_id = %s)"
        " FROM nexus_import.approval WHERE run_id = %s ORDER BY approval_id DESC LIMIT 1",
        (run_id, run_id),
    ).fetchone()
    if plan is None or row is None or row[2] is not None or row[0] != plan.digest:
        return None
    return Question(plan, row[1], row[3])


def record_answer(connection: Connection[Any], run_id: str, answer: str, who: str | None, *, says_now: bool) -> None:
    """Note the answer to the run's newest question; `who` is None where nobody gave it."""
    connection.execute(
        "UPDATE nexus_import.approval SET answer = %s, answered_at = clock_timestamp(), answered_by = %s,"
        " says_now = %s"
        " WHERE approval_id = (SELECT max(approval_id) FROM nexus_import.approval WHERE run_id = %s)",
        (answer, who, says_now, run_id),
    )
