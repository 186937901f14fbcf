"""A rehearsal during which Nexus's PostgreSQL crashes: the working copy survives, live Nexus stays as it was."""

from __future__ import annotations

import pytest

from tests.e2e.watching import held
from tests.e2e.world import World

pytestmark = pytest.mark.stack

INTERRUPTED = "phase_4_appointments.import_appointments"


def test_a_rehearsal_goes_on_after_a_crash_of_the_database_and_changes_nothing(fresh: World) -> None:
    before = fresh.live()
    # by then the journal is there to be held
    fresh.filemaker("POST", "faults", {"hold": {"API_Contacts": 1}})
    run = fresh.start(mode="rehearse")
    fresh.wait_until_filemaker_holds("API_Contacts")
    with held(fresh, "nexus_import.step") as steps:
        fresh.filemaker("POST", "release", {})
        steps.wait_for(run, INTERRUPTED)
        imported = fresh.rows("SELECT count(*) FROM nexus_work.patients")
        fresh.nexus.cluster.crash()
        run.wait_for(INTERRUPTED, "failed")
    assert run.wait() == "failed"
    assert run.named_task() == INTERRUPTED
    # what had been committed is there: the copy is not lost with the server, as unlogged tables would be
    assert fresh.rows("SELECT count(*) FROM nexus_work.patients") == imported
    assert fresh.live() == before

    run.clear(run.named_task())
    assert run.wait() == "success", run.last_words()
    assert run.last_words().startswith("✅ Rehearsed: the plan was made, live Nexus is unchanged. Total time: ")
    tasks = run.tasks()
    assert tasks["phase_3_patients.import_patients"]["try_number"] == 1
    assert tasks["publish.publish_plan"]["state"] == "skipped"
    assert run.xcoms()["publish.make_plan", "return_value"]["changed_count"] > 0
    assert fresh.rows("SELECT count(*) FROM nexus_import.publication") == [(0,)]
    assert fresh.live() == before
