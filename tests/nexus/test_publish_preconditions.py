"""What a publish stands on: each thing that is missing refuses it, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from nexus_import.core.sequence import PLAN, SEQUENCE
from nexus_import.errors import NexusImportError, PublishRefused
from nexus_import.nexus.plan import Plan, latest_plan
from nexus_import.nexus.publish import PublishRequest, publish, require_preconditions

from tests.nexus.manual_run import OPERATOR, POLICY, STAGE_RUN, STAYS, ManualRun

OTHER_RUN = "manual__other"


def request(run: ManualRun, *, asks: bool = False, outside: bool = False) -> PublishRequest:
    return PublishRequest(run.run_id, POLICY.operators, [], lambda plan: asks, outside)


def refused(run: ManualRun, **asked: bool) -> str:
    """Return why the publish is refused; live Nexus must then be as it was."""
    before = run.installation.live()
    with pytest.raises(NexusImportError) as caught:
        publish(run.connection, request(run, **asked))
    assert run.installation.live() == before
    assert run.connection.execute("SELECT count(*) FROM nexus_import.publication").fetchone() == (0,)
    return str(caught.value)


def is_ready(run: ManualRun, **asked: bool) -> bool:
    plan = latest_plan(run.connection, run.run_id)
    assert plan is not None
    with run.connection.transaction():
        require_preconditions(run.connection, request(run, **asked), plan)
    return True


@dataclass(frozen=True)
class Breach:
    """A precondition that is taken away, what the refusal says, and how it is given back."""

    name: str
    breaking: str
    says: str
    mending: str


STEP = (
    "INSERT INTO nexus_import.step"
    " (run_id, name, task_id, try_number, started_at, passed, record_count, error_count, counts)"
)
BREACHES = [
    Breach(
        "gate failed",
        f"{STEP} VALUES ('{STAGE_RUN}', 'gate_3', 't', 2, now(), false, 0, 0, '{{}}')",
        "Step gate_3 did not pass; live Nexus is unchanged. Clear phase_0_validate.verify_filemaker with downstream.",
        "DELETE FROM nexus_import.step WHERE try_number = 2",
    ),
    Breach(
        "step ran again",
        f"{STEP} VALUES ('{STAGE_RUN}', 'import_patients', 't', 2, now(), true, 0, 0, '{{}}')",
        "Step check_3 ran before a step that ran again later; live Nexus is unchanged.",
        "DELETE FROM nexus_import.step WHERE try_number = 2",
    ),
    Breach(
        "no plan of this run",
        f"UPDATE nexus_import.plan SET run_id = '{OTHER_RUN}'",
        "There is no plan to publish. Clear publish.make_plan",
        f"UPDATE nexus_import.plan SET run_id = '{STAGE_RUN}'",
    ),
    Breach(
        "backup not in the journal",
        "UPDATE nexus_import.backup SET attempt = 9",
        "The backup that the working copy stands on is not in the journal",
        "UPDATE nexus_import.backup SET attempt = 1",
    ),
    Breach(
        "backup of another run",
        f"UPDATE nexus_import.backup SET run_id = '{OTHER_RUN}'",
        "The backup that the working copy stands on is not in the journal",
        f"UPDATE nexus_import.backup SET run_id = '{STAGE_RUN}'",
    ),
    Breach(
        "working copy of another run",
        f"UPDATE nexus_work.stamp SET run_id = '{OTHER_RUN}'",
        f"The working copy belongs to run {OTHER_RUN}; run {STAGE_RUN} will not touch it.",
        f"UPDATE nexus_work.stamp SET run_id = '{STAGE_RUN}'",
    ),
    Breach(
        "staged records of another run",
        f"UPDATE nexus_staging.stamp SET run_id = '{OTHER_RUN}'",
        f"The staged FileMaker records belong to run {OTHER_RUN}, not to run {STAGE_RUN}",
        f"UPDATE nexus_staging.stamp SET run_id = '{STAGE_RUN}'",
    ),
    Breach(
        "copied row lost",
        "CREATE TABLE nexus_work.kept_aside AS TABLE nexus_work.before_encounters;"
        " DELETE FROM nexus_work.before_encounters WHERE id = (SELECT min(id::text)::uuid FROM nexus_work.encounters)",
        "The copy of encounters holds",
        "INSERT INTO nexus_work.before_encounters SELECT * FROM nexus_work.kept_aside ON CONFLICT DO NOTHING;"
        " DROP TABLE nexus_work.kept_aside",
    ),
    Breach(
        "working copy changed after the plan",
        f"UPDATE nexus_work.patients SET title = 'Prof' WHERE id = '{STAYS}'",
        "The working copy is not what the plan was made from; live Nexus is unchanged. Clear publish.make_plan",
        f"UPDATE nexus_work.patients SET title = 'Dr' WHERE id = '{STAYS}'",
    ),
    Breach(
        "plan row changed by hand",
        "UPDATE nexus_import.plan_row SET action = 'remove' WHERE action = 'change'",
        "The working copy is not what the plan was made from",
        "UPDATE nexus_import.plan_row SET action = 'change' WHERE action = 'remove' AND changed_columns <> '{}'",
    ),
]


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_publish_is_refused(planned: ManualRun, breach: Breach) -> None:
    assert is_ready(planned)
    planned.connection.execute(breach.breaking.encode())
    try:
        assert breach.says in refused(planned)
    finally:
        planned.connection.execute(breach.mending.encode())
    assert is_ready(planned)


@pytest.mark.parametrize("name", [step.name for step in (*SEQUENCE, PLAN)])
def test_every_step_must_have_run(planned: ManualRun, name: str) -> None:
    planned.connection.execute(
        "UPDATE nexus_import.step SET run_id = %s WHERE run_id = %s AND name = %s", (OTHER_RUN, STAGE_RUN, name)
    )
    try:
        with pytest.raises(PublishRefused, match=f"^Step {name} has not run; live Nexus is unchanged"):
            is_ready(planned)
    finally:
        planned.connection.execute("UPDATE nexus_import.step SET run_id = %s", (STAGE_RUN,))


def latest(run: ManualRun) -> Plan:
    plan = latest_plan(run.connection, run.run_id)
    assert plan is not None
    return plan


def approve(run: ManualRun, **columns: Any) -> None:
    row: dict[str, Any] = {
        "run_id": run.run_id,
        "plan_digest": latest(run).digest,
        "answer": "Approve",
        "answered_at": "now",
        "answered_by": OPERATOR,
        "says_now": False,
        **columns,
    }
    run.connection.execute(
        f"INSERT INTO nexus_import.approval ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})".encode(),
        list(row.values()),
    )


@pytest.fixture
def unanswered(planned: ManualRun) -> ManualRun:
    planned.connection.execute("DELETE FROM nexus_import.approval")
    return planned


def test_approval_is_needed_only_when_it_is_asked_for(unanswered: ManualRun) -> None:
    assert is_ready(unanswered)
    assert "needs the approval of an operator and has none" in refused(unanswered, asks=True)


def test_operators_approval_of_this_plan_is_enough(unanswered: ManualRun) -> None:
    approve(unanswered)
    assert is_ready(unanswered, asks=True)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"answered_by": "mallory"}, "approved by 'mallory', who is not an operator"),
        ({"answered_by": None}, "approved by 'None', who is not an operator"),
        ({"plan_digest": "0" * 64}, "has none"),
        ({"run_id": OTHER_RUN}, "has none"),
        ({"answered_at": "2026-01-01"}, "has none"),
        ({"answered_at": None}, "has none"),
        ({"answer": "Reject"}, "has none"),
        ({"answer": None}, "has none"),
    ],
)
def test_answer_that_is_no_approval_of_this_plan_is_not_enough(
    unanswered: ManualRun, columns: dict[str, Any], says: str
) -> None:
    approve(unanswered, **columns)
    assert says in refused(unanswered, asks=True)


def test_last_answer_counts(unanswered: ManualRun) -> None:
    approve(unanswered)
    approve(unanswered, answer="Reject")
    assert "has none" in refused(unanswered, asks=True)
    approve(unanswered)
    assert is_ready(unanswered, asks=True)


def test_outside_the_publish_window_the_approval_must_say_now(unanswered: ManualRun) -> None:
    approve(unanswered)
    assert "did not say 'now'" in refused(unanswered, asks=True, outside=True)
    approve(unanswered, says_now=True)
    assert is_ready(unanswered, asks=True, outside=True)


def test_approval_of_an_earlier_plan_does_not_carry_over(unanswered: ManualRun) -> None:
    approve(unanswered)
    assert is_ready(unanswered, asks=True)
    unanswered.plan()
    assert "has none" in refused(unanswered, asks=True)
